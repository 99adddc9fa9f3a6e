import Foundation
import RoutingTrace
import TestSupport
import Testing

@testable import TraceImport

private let empty = TokenBlock.emptySlot

/// Formats of a JSON value a request, or of several: OLMoE, atlas, GLM exports; tables of a column
/// an expert.
@Suite struct DocumentFormatTests {
  private static let options = ImportOptions(experts: 8)

  // MARK: OLMoE

  @Test func olmoeIsTurned() throws {
    let text =
      #"{"input_ids": [1, 2], "exp_ids": [[[1, 2, 3], [4, 5, 6]], [[7, 0, 1], [2, 3, 4]]]}"#
    let requests = try importText(text + "\n" + text, named: "a.jsonl", options: Self.options)
    let ids: [UInt16] = [1, 4, 2, 5, 3, 6, 7, 2, 0, 3, 1, 4]
    #expect(requests.map(\.ids) == [ids, ids])
    #expect(requests.map(\.prefill) == [2, 2])
    #expect(requests.map(\.name) == ["1", "2"])
  }

  @Test(arguments: [
    ("{\"exp_ids\": [[[1, 2], [3]]]}", "1 ids in a list of 2 layers"),
    ("{\"exp_ids\": [[[1, 2], [3, 4]], [[1, 2]]]}", "1 lists of ids in a token of top-2"),
    ("{\"exp_ids\": [[[1, 9], [3, 4]]]}", "expert 9 is outside 0 to 7"),
    ("{\"exp_ids\": 1}", "a list of tokens expected"),
    ("{\"exp_ids\": [[[1, 2], [3, 4]]], \"exp_ids\": []}", "exp_ids are there twice"),
  ])
  func olmoeRefuses(text: String, problem: String) {
    let fault = importFault {
      try importText(text, named: "a.jsonl", format: .olmoe, options: Self.options)
    }
    #expect(fault?.problem == problem)
  }

  // MARK: atlas

  private func trace(_ activations: [(Int, Int, Int, Double?)], _ more: String = "") -> String {
    let list = activations.map { layer, token, expert, weight in
      #"{"layer": \#(layer), "token_idx": \#(token), "expert_idx": \#(expert)"#
        + (weight.map { #", "gate_weight": \#($0)"# } ?? "") + "}"
    }
    return #"{"model_id": "m", \#(more)"activations": [\#(list.joined(separator: ", "))]}"#
  }

  /// A trace a line, over several lines, or in a list; fewer experts than top-k are empty slots.
  @Test func atlasTracesStandInLinesOrInAList() throws {
    let one = trace(
      [(0, 0, 1, 0.25), (0, 0, 2, 0.5), (3, 0, 4, 0.5), (0, 1, 5, 1), (0, 1, 6, 0.5)],
      #""top_k": 2, "num_experts": 8, "#)
    let two = trace([(0, 0, 7, 0.5), (3, 0, 3, 0.25), (3, 0, 1, 0.75)], #""top_k": 2, "#)
    for text in [
      one + "\n" + two + "\n", #"{"traces": ["# + one + ", " + two + "]}",
      one.replacing(", ", with: ",\n") + "\n\n" + two,
    ] {
      let requests = try importText(text, named: "a.json", options: Self.options)
      #expect(
        requests.map(\.ids) == [[2, 1, 4, empty, 5, 6, empty, empty], [7, empty, 1, 3]])
      #expect(requests[0].weights == [0.5, 0.25, 0.5, 0, 1, 0.5, 0, 0])
      #expect(requests.map(\.prefill) == [2, 1])
      #expect(requests.map(\.name) == ["1", "2"])
    }
  }

  @Test func atlasWithoutWeights() throws {
    let text = trace([(0, 0, 1, nil), (0, 0, 2, nil), (0, 1, 3, nil), (0, 1, 4, nil)])
    let requests = try importText(text, named: "a.json", options: Self.options)
    #expect(requests.map(\.ids) == [[1, 2, 3, 4]])
    #expect(requests[0].weights == nil)
  }

  @Test(arguments: [
    (#"{"traces": [{"x": 1}]}"#, "the trace has no activations"),
    (#"{"activations": [{"layer": 0, "token_idx": 0}]}"#, "an activation lacks its layer"),
    (#"{"activations": [{"layer": 0, "token_idx": 0, "expert_idx": 9}]}"#, "expert 9 is outside"),
    (#"{"activations": [{"layer": 0, "token_idx": -1, "expert_idx": 1}]}"#, "token_idx, a whole"),
  ])
  func atlasRefuses(text: String, problem: String) {
    let fault = importFault {
      try importText(text, named: "a.json", format: .atlas, options: Self.options)
    }
    #expect(fault?.problem.hasPrefix(problem) == true, "\(fault?.problem ?? "no error")")
  }

  // MARK: glm-export

  private func export(_ layers: String, _ prompts: String? = nil, k: Int = 2) -> String {
    let conditional = prompts.map { #""conditional": {"prompts": [\#($0)]}, "# } ?? ""
    return #"{"schema": "glm52-routing-trace-export/v2", \#(conditional)"layers": {\#(layers)}, "#
      + #""routing": {"k": \#(k), "n_expert_per_layer": 8}}"#
  }

  /// Layers in any order; rows that belong to no prompt are left out.
  @Test func exportsAreSplitIntoPrompts() throws {
    let layers =
      #""4": {"executed_topk": [[1, 2], [3, 4], [5, 6], [7, 0]], "executed_scores": []}, "#
      + #""3": {"executed_topk": [[2, 1], [4, 3], [6, 5], [0, 7]]}"#
    let prompts =
      #"{"start_row": 0, "prefill_rows": 1, "decode_step_rows": 1, "end_row": 2, "category": "a"}, "#
      + #"{"start_row": 3, "prefill_rows": 1, "end_row": 4, "category": null}"#
    let requests = try importText(export(layers, prompts), named: "e.json", options: Self.options)
    #expect(
      requests == [
        RequestTrace(name: "1", task: "a", prefill: 1, ids: [2, 1, 1, 2, 4, 3, 3, 4]),
        RequestTrace(name: "2", prefill: 1, ids: [0, 7, 7, 0]),
      ])
    let alone = try importText(
      export(layers), named: "e.json", options: ImportOptions(experts: 8, prefill: 4))
    #expect(alone.map(\.name) == ["e"])
    #expect(alone.map(\.ids.count) == [16])
  }

  @Test(
    arguments: [
      (
        #""3": {"executed_topk": [[1, 2]]}, "3": {"executed_topk": [[1, 2]]}"#, nil,
        "the layer is there twice"
      ),
      (
        #""3": {"executed_topk": [[1, 2]]}, "4": {"executed_topk": []}"#, nil,
        "0 rows, but 1 in the layers before it"
      ),
      (#""3": {}"#, nil, "the layer has no executed_topk"),
      (
        #""3": {"executed_topk": [[1, 2]]}"#, #"{"start_row": 0, "prefill_rows": 1, "end_row": 2}"#,
        "prompt 1 has rows 0 to 2, behind row 0 of 1"
      ),
      (
        #""3": {"executed_topk": [[1, 2], [3, 4]]}"#,
        #"{"start_row": 0, "prefill_rows": 1, "end_row": 2}, "#
          + #"{"start_row": 1, "prefill_rows": 1, "end_row": 2}"#,
        "prompt 2 has rows 1 to 2, behind row 2 of 2"
      ),
      (
        #""3": {"executed_topk": [[1, 2]]}"#, #"{"start_row": 0, "prefill_rows": 2, "end_row": 1}"#,
        "a prompt's start_row, prefill_rows and end_row do not fit"
      ),
    ] as [(String, String?, String)])
  func exportsRefuse(layers: String, prompts: String?, problem: String) {
    let fault = importFault {
      try importText(export(layers, prompts), named: "e.json", options: Self.options)
    }
    #expect(fault?.problem == problem)
  }

  // MARK: expert-columns

  private static let header =
    "layer_id,token_id," + (0..<8).map { "expert_\($0)" }.joined(separator: ",")

  /// Zeros as `%f` writes them and as others do.
  @Test func columnsAreGateWeights() throws {
    let text = """
      \(Self.header)
      1,0,0.000000,0.250000,0.000000,0.5,0,0.0,0.000000,0.000000
      1,1,1e-1,0,0,0,0,0,0,9e-1
      4,0,0.000000,0.000000,0.0000005,0.000000,0.000000,0.000000,0.000000,1.000000
      """
    let requests = try importText(text, named: "t.csv", options: Self.options)
    #expect(requests.map(\.ids) == [[3, 1, 7, 2, 7, 0, empty, empty]])
    #expect(requests[0].weights == [0.5, 0.25, 1, 0.0000005, 0.9, 0.1, 0, 0])
    #expect(requests.map(\.prefill) == [2])
  }

  @Test(arguments: [
    ("1,0,0.5,0,0,0,0,0,0", "7 gate weights for 8 experts"),
    ("1,0,0.5,0,0,0,0,0,0,0,0", "9 gate weights for 8 experts"),
    ("1,0,0.5,x,0,0,0,0,0,0", "a gate weight is not a number"),
    ("x,0,0.5,0,0,0,0,0,0,0", "a row that begins with layer and token is expected"),
  ])
  func columnsRefuse(row: String, problem: String) {
    let fault = importFault {
      try importText(Self.header + "\n" + row + "\n", named: "t.csv", options: Self.options)
    }
    #expect(fault?.problem == problem)
    #expect(fault?.line == 2)
  }
}
