import Archive
import RoutingTrace
import TestSupport
import Testing

@testable import TraceImport

/// An archive of arrays.
private func npz(_ arrays: [(String, [UInt8])]) throws -> [UInt8] {
  try ZipWriter.archive(arrays.map { ($0.0 + ".npy", $0.1) })
}

private func tokens(_ count: Int) -> [UInt8] {
  npy32([count], (0..<count).map { Int32($0) })
}

private func load(
  _ bytes: [UInt8], named name: String = "a.npz",
  _ options: ImportOptions = ImportOptions(experts: 8)
) throws -> (requests: [RequestTrace], remarks: [String]) {
  let folder = try TemporaryFolder()
  let path = try folder.write(bytes, to: name)
  var importer = try TraceImporter([path], options: options)
  var requests: [RequestTrace] = []
  while let request = try importer.next() { requests.append(request) }
  return (requests, importer.remarks.map(\.text))
}

/// Nothing of a file that is routing is passed over in silence, and what is not asked for stops
/// nothing.
@Suite struct AccountingTests {
  private static let prompt = npy32([2, 1, 2], [1, 2, 3, 4])
  private static let generated = npy32([1, 1, 2], [5, 6])

  @Test(arguments: [true, false])
  func thePromptsRowsAreJoined(withTokens: Bool) throws {
    let ids = withTokens ? [("prompt_token_ids", tokens(2)), ("output_token_ids", tokens(2))] : []
    let (requests, remarks) = try load(
      npz([("prompt_routed_experts", Self.prompt), ("routed_experts", Self.generated)] + ids))
    #expect(requests.map(\.ids) == [[1, 2, 3, 4, 5, 6]])
    #expect(requests.map(\.prefill) == [2])
    #expect(remarks == [])
  }

  @Test func promptsThatDoNotFitAreRefused() throws {
    let wide = npy32([1, 1, 3], [5, 6, 7])
    let shapes = importFault {
      try load(npz([("prompt_routed_experts", Self.prompt), ("routed_experts", wide)])).requests
    }
    #expect(shapes?.problem.contains("[2, 1, 2], but that of routed_experts [1, 1, 3]") == true)
    let lengths = importFault {
      try load(
        npz([
          ("prompt_routed_experts", Self.prompt), ("routed_experts", Self.generated),
          ("prompt_token_ids", tokens(3)),
        ])
      ).requests
    }
    #expect(lengths?.problem == "it has 2 rows for 3 prompt tokens")
  }

  @Test func routingThatIsNotUsedIsNamed() throws {
    let (requests, remarks) = try load(
      npz([
        ("routed_experts", Self.prompt), ("prompt_token_ids", tokens(1)),
        ("draft_ids", npy32([2, 1, 2], [1, 2, 3, 4])), ("router_bias", npy32([1], [1])),
        ("hidden", npy32([2, 3], [1, 2, 3, 4, 5, 6])),
      ]))
    #expect(requests.count == 1)
    #expect(remarks.count == 1)
    #expect(remarks.first?.hasPrefix("array draft_ids, router_bias: it looks like routing") == true)
    let json = try load(
      Array(
        """
        {"router_data": [{"token_9": {"layer_0": {"selected_experts": [3, 1]}}}],
         "prompt_router_data": [], "original_prompt": "x"}
        """.utf8), named: "1.json")
    #expect(json.remarks.first?.hasPrefix("prompt_router_data: it looks like routing") == true)
    let log = try load(
      Array(
        """
        {"type": "meta", "layers_logged": [0], "top_k": 2}
        {"type": "route", "req_id": {}, "token_idx": 0, "layer": 0, "topk_ids": [1, 2]}
        {"type": "draft_route", "token_idx": 0, "layer": 0, "topk_ids": [3, 4]}
        {"type": "route", "token_idx": 1, "layer": 0, "topk_ids": [3, 4], "shared_experts": [7]}
        {"type": "route", "token_idx": 2, "layer": 0, "topk_ids": [5, 6], "shared_experts": [7]}
        """.utf8), named: "a.jsonl")
    #expect(
      log.remarks.map { $0.prefix { $0 != ":" } } == [
        "req_id", "records of type draft_route", "shared_experts",
      ])
    let answer = try load(
      Array(
        """
        {"meta_info": {"id": 7, "prompt_tokens": 1, "routed_experts": "AQAAAAIAAAA=",
         "completion_tokens": 1, "routed_experts_start_len": 0, "draft_routed_experts": "AA=="}}
        """.utf8), named: "a.json", ImportOptions(experts: 8, topK: 2))
    #expect(answer.requests.map(\.ids) == [[1, 2]])
    #expect(answer.remarks.map { $0.prefix { $0 != ":" } } == ["draft_routed_experts", "id"])
  }

  @Test func anArchiveWithoutRoutingSaysWhatItHas() throws {
    let fault = importFault { try load(npz([("experts", Self.prompt)])).requests }
    #expect(fault?.problem == "it has no array routed_experts, but experts")
    #expect(fault?.remedy == "save the expert ids [tokens, layers, k] as routed_experts")
  }

  /// Axes the wrong way round: told by the model, by the number of tokens, or only suspected.
  @Test func layersFirstAreFound() throws {
    let model = try #require(ModelShape.named("deepseek-v2-lite"))
    var ids: [Int32] = []
    for event in 0..<26 * 5 { for slot in 0..<6 { ids.append(Int32((event + 7 * slot) % 64)) } }
    let turned = npy32([26, 5, 6], ids)
    let byModel = importFault {
      try load(turned, named: "a.npy", ImportOptions(model: model, prefill: 1)).requests
    }
    #expect(
      byModel?.problem
        == "its shape is [26, 5, 6], and deepseek-v2-lite has 26 layers: layers come first")
    #expect(byModel?.remedy.contains("transpose(1, 0, 2)") == true)
    let byTokens = importFault {
      try load(
        npz([
          ("routed_experts", npy32([2, 4, 2], (0..<16).map { Int32($0 % 8) })),
          ("prompt_token_ids", tokens(3)), ("output_token_ids", tokens(1)),
        ])
      ).requests
    }
    #expect(byTokens?.problem.contains("tokens are its second axis") == true)
    #expect(byTokens?.remedy.contains("transpose(1, 0, 2)") == true)
    var many: [Int32] = []
    for event in 0..<400 { many += [Int32(event % 7), 7] }
    let long = npy32([2, 200, 2], many)
    let suspected = try load(long, named: "a.npy", ImportOptions(experts: 8, prefill: 0))
    #expect(suspected.remarks.first?.contains("[2, 200, 2] is read as [tokens, layers, k]") == true)
  }

  @Test func weightsThatAreNotWantedAreNotLookedAt() throws {
    let nan = npy("<f4", shape: [2, 1, 2], content: Array(repeating: 0xFF, count: 16))
    let arrays = [
      ("routed_experts", Self.prompt), ("prompt_token_ids", tokens(1)), ("routing_weights", nan),
    ]
    let wanted = importFault { try load(npz(arrays)).requests }
    #expect(wanted?.remedy.contains("--no-weights") == true)
    let (requests, _) = try load(npz(arrays), ImportOptions(experts: 8, readsWeights: false))
    #expect(requests.map(\.ids) == [[1, 2, 3, 4]])
    #expect(requests.map(\.weights) == [nil])
    for weights in ["[NaN, 1]", "null", "[1e999, 2]", "\"none\"", "[1]"] {
      let text = """
        {"router_data": [{"t": {"layer_0": {"selected_experts": [3, 1], "selected_probs": \(weights)}}}]}
        """
      let requests = try importText(
        text, named: "1.json", format: .gptOSS,
        options: ImportOptions(experts: 8, readsWeights: false))
      #expect(requests.map(\.ids) == [[3, 1]], "\(weights)")
    }
    let scores = try importText(
      "1\t2\t\tnan\n", named: "expert_weights_2.txt", format: .esft,
      options: ImportOptions(experts: 8, topK: 2, readsWeights: false))
    #expect(scores.map(\.ids) == [[1, 2]])
  }

  @Test func weightsOfSomeRequestsOnlyStopNothingWhereNoneAreWanted() throws {
    let folder = try TemporaryFolder()
    let arrays = [("routed_experts", Self.prompt), ("prompt_token_ids", tokens(1))]
    let weights = npy("<f2", shape: [2, 1, 2], content: Array(repeating: 0, count: 8))
    try folder.write(npz(arrays + [("routing_weights", weights)]), to: "1.npz")
    try folder.write(npz(arrays), to: "2.npz")
    let fault = importFault { try importAll([folder.path], options: ImportOptions(experts: 8)) }
    #expect(fault?.remedy.contains("--no-weights") == true)
    let requests = try importAll(
      [folder.path], options: ImportOptions(experts: 8, readsWeights: false))
    #expect(requests.map(\.weights) == [nil, nil])
  }

  @Test(
    arguments: [
      ("27", "27", nil), ("\"q27\"", "q27", nil), ("2.5", "2.5", nil), ("null", "1", nil),
      ("{\"a\": 1}", "1", "row_index"), ("[1]", "1", "row_index"), ("true", "1", "row_index"),
    ] as [(String, String, String?)])
  func labelsAreTextOrNothing(_ value: String, name: String, remark: String?) throws {
    let (requests, remarks) = try load(
      Array(
        """
        {"row_index": \(value), "category": null, "dataset": 3,
         "router_data": [{"token_9": {"layer_0": {"selected_experts": [3, 1]}}}]}
        """.utf8), named: "1.json")
    #expect(requests.map(\.name) == [name])
    #expect(requests.map(\.task) == ["3"])
    #expect(remarks.count == (remark == nil ? 0 : 1))
    if let remark {
      #expect(remarks.first?.hasPrefix("\(remark): it is neither text nor a number") == true)
    }
  }

  @Test func aPickledLabelIsLeftOut() throws {
    let pickle = npy("|O", shape: [], content: [0x80, 4, 0x4E, 0x2E])
    let (requests, remarks) = try load(
      npz([
        ("routed_experts", Self.prompt), ("prompt_token_ids", tokens(1)), ("task", pickle),
        ("request_id", pickle),
      ]))
    #expect(requests.map(\.task) == [""])
    #expect(requests.map(\.name) == ["a"])
    #expect(remarks.count == 2)
  }

  /// A remark is said once, however many requests it is true of.
  @Test func remarksAreGathered() throws {
    let folder = try TemporaryFolder()
    for number in 1...3 {
      try folder.write(
        Array(
          #"{"router_data": [{"t": {"layer_0": {"selected_experts": [3, 1]}}}], "category": []}"#
            .utf8), to: "\(number).json")
    }
    var importer = try TraceImporter([folder.path], options: ImportOptions(experts: 8))
    while try importer.next() != nil {}
    #expect(importer.remarks.map(\.requests) == [3])
    #expect(
      importer.remarks[0].description.contains("1.json and 2 requests more: category") == true)
  }
}
