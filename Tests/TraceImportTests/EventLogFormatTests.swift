import RoutingTrace
import TestSupport
import Testing

@testable import TraceImport

private let empty = TokenBlock.emptySlot

/// A line of JSON, its quotes written as `'`.
private func line(_ text: String) -> String { text.replacing("'", with: "\"") + "\n" }

/// Logs of a record an event, each in its dialect.
@Suite struct EventLogFormatTests {
  // MARK: moe-cache-lab

  private func lab(
    _ phase: String, _ token: Int, _ layer: Int, _ ids: [Int], _ weights: [Double] = [],
    _ more: String = ""
  ) -> String {
    line(
      "{'record_type': 'routing_selection', 'phase': '\(phase)', 'layer': \(layer), "
        + "'token_position': \(token), 'token_id': null, \(more)'selected_experts': \(ids), "
        + "'selected_probabilities': \(weights)}")
  }

  private static let labMeta = line(
    "{'record_type': 'metadata', 'format': 'moe-cache-lab.routing-jsonl', 'format_version': 1, "
      + "'model_id': 'm', 'num_experts': null, 'experts_per_token': null}")

  /// The prompt stands layer by layer, what was generated token by token.
  @Test func cacheLabPhasesTellThePrompt() throws {
    let text =
      Self.labMeta + lab("prompt", 3, 0, [1, 2], [0.25, 0.5])
      + lab("prompt", 4, 0, [3, 4], [1, 0.5])
      + lab("prompt", 3, 2, [5, 6], [1, 0]) + lab("prompt", 4, 2, [7, 0], [0.5, 0.25])
      + lab("generated", 5, 0, [2, 3], [0.5, 0.5]) + lab("generated", 5, 2, [4, 5], [0.5, 1])
    let requests = try importText(text, named: "a-request.jsonl")
    #expect(
      requests == [
        RequestTrace(
          name: "a-request", prefill: 2, ids: [2, 1, 5, 6, 3, 4, 7, 0, 2, 3, 5, 4],
          weights: [0.5, 0.25, 1, 0, 1, 0.5, 0.5, 0.25, 0.5, 0.5, 1, 0.5])
      ])
  }

  /// Version 2: the encoder's layers are others, and a token may find no place.
  @Test func cacheLabStagesAndUnassignedTokens() throws {
    let decoder = "'routing_stage': 'decoder', "
    func event(_ phase: String, _ token: Int, _ ids: [Int]) -> String {
      let state = ids.isEmpty ? "unassigned" : "assigned"
      return lab(phase, token, 1, ids, [], decoder + "'assignment_state': '\(state)', ")
    }
    let text =
      line(
        "{'record_type': 'metadata', 'format': 'moe-cache-lab.routing-jsonl', "
          + "'format_version': 2, 'model_id': 'm', 'routing_stages': ["
          + "{'routing_stage': 'encoder', 'num_experts': 4, 'assigned_experts_per_token': 1, "
          + "'allows_unassigned': true}, {'routing_stage': 'decoder', 'num_experts': 8, "
          + "'assigned_experts_per_token': 2, 'allows_unassigned': true}]}")
      + lab("source", 0, 1, [3], [], "'routing_stage': 'encoder', ")
      + event("decoder_prompt", 0, []) + event("decoder_prompt", 1, [1, 2])
      + event("decoder_generated", 2, [3, 4])
    let folder = try TemporaryFolder()
    let path = try folder.write(Array(text.utf8), to: "v2.jsonl")
    var importer = try TraceImporter([path], options: ImportOptions(experts: 8))
    #expect(importer.format == .moeCacheLab)
    let request = try #require(try importer.next())
    #expect(request.ids == [empty, empty, 1, 2, 3, 4])
    #expect(request.prefill == 2)
    #expect(try importer.next() == nil)
    #expect(importer.remarks.map(\.text).first?.hasPrefix("records of phase source") == true)
  }

  @Test func aRecordWithoutAPhaseIsRefused() throws {
    let fault = importFault {
      try importText(
        Self.labMeta + lab("prompt", 0, 0, [1, 2])
          + line(
            "{'record_type': 'routing_selection', 'layer': 1, 'token_position': 0, "
              + "'selected_experts': [3, 4]}"), named: "a.jsonl")
    }
    #expect(fault?.problem == "the record does not tell its phase")
    #expect(fault?.line == 3)
  }

  // MARK: moe-trace

  private func record(_ phase: String, _ token: Int, _ layer: Int, _ ids: [Int]) -> String {
    let scores = ids.indices.map { Double($0 + 1) / 8 }
    return line(
      "{'phase': '\(phase)', 'token_index': \(token), 'layer': \(layer), 'expert_ids': \(ids), "
        + "'scores': \(scores)}")
  }

  /// Scores ascend there; places of what was decoded may go on or begin again.
  @Test(arguments: [2, 0])
  func moeTraceScoresRankExperts(firstDecoded: Int) throws {
    let text =
      record("prefill", 0, 0, [1, 2]) + record("prefill", 0, 1, [3, 4])
      + record("prefill", 1, 0, [5, 6]) + record("prefill", 1, 1, [7, 0])
      + record("decode", firstDecoded, 0, [2, 3]) + record("decode", firstDecoded, 1, [4, 5])
      + record("decode", firstDecoded + 1, 0, [6, 7])
    let requests = try importText(text, named: "a.jsonl")
    #expect(
      requests.map(\.ids) == [[2, 1, 4, 3, 6, 5, 0, 7, 3, 2, 5, 4, 7, 6, empty, empty]])
    #expect(requests.map(\.prefill) == [2])
  }

  // MARK: token-choices

  private func choice(_ token: Int, _ layer: Int, _ ids: [Int]) -> String {
    line(
      "{'layer_idx': \(layer), 'token_idx': \(token), 'selected_ids': \(ids), "
        + "'gate_weights': \(ids.map { _ in 0.5 })}")
  }

  /// A batch layer by layer and single tokens behind it are a prompt and its decoding; token by
  /// token from the beginning, nothing tells.
  @Test func tokenChoicesTellThePromptByTheirOrder() throws {
    let batch =
      choice(0, 0, [1, 2]) + choice(1, 0, [3, 4]) + choice(0, 1, [5, 6]) + choice(1, 1, [7, 0])
    let decoded = choice(2, 0, [2, 3]) + choice(2, 1, [4, 5])
    let requests = try importText(batch + decoded, named: "a.jsonl")
    #expect(requests.map(\.ids) == [[1, 2, 5, 6, 3, 4, 7, 0, 2, 3, 4, 5]])
    #expect(requests.map(\.prefill) == [2])
    #expect(try importText(batch, named: "a.jsonl").map(\.prefill) == [2])
    let single =
      choice(0, 0, [1, 2]) + choice(0, 1, [5, 6]) + choice(1, 0, [3, 4]) + choice(1, 1, [7, 0])
    let fault = importFault { try importText(single + decoded, named: "a.jsonl") }
    #expect(fault?.kind == .missing)
    #expect(fault?.remedy.contains("--prefill") == true)
    let told = try importText(
      single + decoded, named: "a.jsonl", options: ImportOptions(experts: 8, prefill: 1))
    #expect(told.map(\.ids) == requests.map(\.ids))
    #expect(told.map(\.prefill) == [1])
  }

  // MARK: megatron

  private func rows(
    _ step: Int, _ layer: Int, _ ids: [[Int]], block: String? = "decoder"
  ) -> String {
    let block = block.map { "'block': '\($0)', " } ?? ""
    return line(
      "{'step': \(step), 'stage': 'pre_dispatch', \(block)'layer': \(layer), 'rank': 0, "
        + "'num_tokens': \(ids.count), 'topk': 2, 'top_indices': \(ids)}")
  }

  /// With a known model, layers that are its own only if counted from 1 are so.
  @Test(arguments: [0, 1])
  func megatronCountsLayersFromZeroOrOne(first: Int) throws {
    let model = ModelShape(
      name: "m", layers: 3, moeLayers: 1..<3, experts: 8, sharedExperts: 0, topK: 2, hidden: 1,
      intermediate: 1)
    let text =
      rows(0, 1 + first, [[1, 2], [3, 4]]) + rows(0, 2 + first, [[5, 6], [7, 0]])
      + rows(1, 1 + first, [[2, 3]]) + rows(1, 2 + first, [[4, 5]])
    let folder = try TemporaryFolder()
    let path = try folder.write(Array(text.utf8), to: "router_trace_rank0.jsonl")
    var importer = try TraceImporter([path], options: ImportOptions(model: model))
    #expect(importer.format == .megatron)
    #expect(importer.shape.modelLayers == [1, 2])
    let request = try #require(try importer.next())
    #expect(request.ids == [1, 2, 5, 6, 3, 4, 7, 0, 2, 3, 4, 5])
    #expect(request.prefill == 2)
    #expect(request.name == "router_trace_rank0")
  }

  /// Rows of the first record that are narrower than its top-k are no rows.
  @Test func megatronRowsHoldTopK() throws {
    let usual = rows(0, 1, [[5, 2], [0, 7]])
    let text = usual.replacing("\"topk\": 2", with: "\"topk\": 4")
    #expect(text != usual)
    let fault = importFault {
      try importText(
        text, named: "r.jsonl", options: ImportOptions(experts: 8))
    }
    #expect(fault?.problem.contains("its rows do not hold 4 experts each") == true)
  }

  /// Numbers that are the model's own either way are taken as they are.
  @Test func megatronLayersOfAStageStayAsTheyAre() throws {
    let model = ModelShape(
      name: "m", layers: 3, moeLayers: 0..<3, experts: 8, sharedExperts: 0, topK: 2, hidden: 1,
      intermediate: 1)
    let requests = try importText(
      rows(0, 1, [[1, 2]]) + rows(0, 2, [[3, 4]]), named: "r.jsonl",
      options: ImportOptions(model: model))
    #expect(requests.map(\.ids) == [[empty, empty, 1, 2, 3, 4]])
  }

  /// Blocks that predict several tokens are no layers of the decoder; old records have no block.
  @Test func megatronReadsTheDecoder() throws {
    let text =
      rows(0, 1, [[1, 2]], block: nil) + rows(0, 0, [[3, 4]], block: "mtp")
      + rows(1, 1, [[5, 6]]) + rows(2, 1, [[7, 0]])
    let options = ImportOptions(experts: 8, prefill: 1)
    let requests = try importText(text, named: "router_trace_rank3.jsonl", options: options)
    #expect(requests.map(\.ids) == [[1, 2, 5, 6, 7, 0]])
  }

  /// A step's layers have the same tokens.
  @Test func megatronStepsAreWhole() throws {
    let more = rows(0, 1, [[1, 2]]) + rows(0, 2, [[3, 4], [5, 6]])
    let fault = importFault { try importText(more, named: "r.jsonl") }
    #expect(fault?.problem == "2 tokens, more than in the layers of the step before it")
    #expect(fault?.line == 2)
    #expect(fault?.layer == 2)
  }

  /// Every rank has its own tokens: a file, a request.
  @Test func ranksAreRequests() throws {
    let folder = try TemporaryFolder()
    for rank in 0..<2 {
      try folder.write(
        Array(rows(0, 1, [[rank, 7], [3, 4 + rank]]).utf8), to: "router_trace_rank\(rank).jsonl")
    }
    let requests = try importAll([folder.path], options: ImportOptions(experts: 8))
    #expect(requests.map(\.ids) == [[0, 7, 3, 4], [1, 7, 3, 5]])
  }

  /// What is wrong is told by the names that the dialect has.
  @Test(arguments: [
    ("{'layer_idx': 0, 'selected_ids': [1, 2]}", "the record has no token_idx"),
    ("{'token_idx': 0, 'selected_ids': [1, 2]}", "the record has no layer_idx"),
    (
      "{'token_idx': -1, 'layer_idx': 0, 'selected_ids': [1, 2]}",
      "token_idx, a whole number from 0, expected, not -1"
    ),
    (
      "{'token_idx': 0, 'layer_idx': 0, 'selected_ids': [1, 2], 'gate_weights': [1]}",
      "1 gate_weights for 2 selected_ids"
    ),
  ])
  func namesAreThoseOfTheDialect(text: String, problem: String) throws {
    let fault = importFault {
      try importText(line(text), named: "a.jsonl", format: .tokenChoices)
    }
    #expect(fault?.problem == problem)
    #expect(fault?.line == 1)
  }
}
