import Foundation
import RoutingTrace
import TestSupport
import Testing

@testable import TraceImport

private let empty = TokenBlock.emptySlot

/// Little-endian int32 in base64, as SGLang writes it.
private func base64(_ ids: [Int32]) -> String {
  ids.withUnsafeBytes { Data($0) }.base64EncodedString()
}

/// An answer of `/generate`.
private func answer(
  _ ids: [Int32], prompt: Int? = 2, completion: Int? = 2, id: String = "a"
) -> String {
  let counts = [("prompt_tokens", prompt), ("completion_tokens", completion)].compactMap {
    key, value in
    value.map { #""\#(key)": \#($0), "# }
  }
  return #"{"text": " ok", "meta_info": {"id": "\#(id)", \#(counts.joined())"#
    + #""finish_reason": {"type": "stop"}, "routed_experts": "\#(base64(ids))"}}"#
}

@Suite struct SGLangFormatTests {
  /// Two layers, top-2, three tokens: two of the prompt, one decoded.
  private static let ids: [Int32] = [1, 2, 3, 4, 5, 6, 7, 0, 2, 1, 4, 3]
  private static let options = ImportOptions(experts: 8, topK: 2)

  @Test func readsGenerate() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(Array(answer(Self.ids).utf8), to: "response.json")
    var importer = try TraceImporter([path], options: Self.options)
    #expect(importer.format == .sglangJSON)
    #expect(importer.shape.layers == 2)
    #expect(
      try importer.next()
        == RequestTrace(name: "a", prefill: 2, ids: Self.ids.map(UInt16.init)))
    #expect(try importer.next() == nil)
  }

  /// Wherever the endpoints put it.
  @Test(arguments: [
    #"{"id": "a", "choices": [{"index": 0}], "usage": {"prompt_tokens": 2, "completion_tokens": 2}, "#
      + #""sglext": {"routed_experts": "IDS"}}"#,
    #"{"id": "a", "choices": [{"sgl_ext": {"routed_experts": "IDS"}}], "#
      + #""usage": {"prompt_tokens": 2, "total_tokens": 4, "completion_tokens": 2}}"#,
    #"{"usage": {"prompt_tokens": 2, "completion_tokens": 2}, "sgl_ext": null, "#
      + #""choices": [{"sglext": {"routed_experts": "IDS"}}], "id": "a", "meta_info": null}"#,
  ])
  func readsTheOpenAIEndpoints(_ text: String) throws {
    let requests = try importText(
      text.replacing("IDS", with: base64(Self.ids)), named: "a.json", options: Self.options)
    #expect(requests == [RequestTrace(name: "a", prefill: 2, ids: Self.ids.map(UInt16.init))])
  }

  /// Several choices of one prompt are requests each.
  @Test func choicesAreRequests() throws {
    let ids = base64(Self.ids)
    let text =
      #"{"usage": {"prompt_tokens": 2, "completion_tokens": 9}, "choices": [{"sgl_ext": "#
      + #"{"routed_experts": "\#(ids)"}}, {"sgl_ext": {"routed_experts": "\#(ids)"}}]}"#
    var options = Self.options
    options.model = ModelShape(
      name: "two", layers: 2, moeLayers: 0..<2, experts: 8, sharedExperts: 0, topK: 2, hidden: 1,
      intermediate: 1)
    options.experts = nil
    options.topK = nil
    let requests = try importText(text, named: "b.json", options: options)
    #expect(requests.map(\.prefill) == [2, 2])
    #expect(requests.map(\.name) == ["b", "b"])
  }

  @Test(arguments: ["\n", "\r\n", "\n\n  \n"])
  func aListAndLinesAreRequestsEach(_ end: String) throws {
    let other: [Int32] = [0, 1, 2, 3]
    let answers = [
      answer(Self.ids), answer(other, prompt: 1, completion: 1, id: "b"), answer(Self.ids, id: "c"),
    ]
    let expected = [Self.ids, other, Self.ids].map { $0.map(UInt16.init) }
    let list = "[" + answers.joined(separator: "," + end) + "]" + end
    let lines = answers.joined(separator: end) + end
    for text in [list, lines] {
      let requests = try importText(text, named: "a.jsonl", options: Self.options)
      #expect(requests.map(\.ids) == expected)
      #expect(requests.map(\.name) == ["a", "b", "c"])
      #expect(requests.map(\.prefill) == [2, 1, 2])
    }
    let indented = answer(Self.ids).replacing(", ", with: "," + end).replacing("{", with: "{" + end)
    #expect(
      try importText(indented, named: "a.json", options: Self.options).map(\.ids)
        == [Self.ids.map(UInt16.init)])
  }

  /// The model's dense layers may be among the layers or not; what `-1` says is an empty slot.
  @Test func layersAreAllOrThoseThatRoute() throws {
    let model = ModelShape(
      name: "dense first", layers: 3, moeLayers: 1..<3, experts: 8, sharedExperts: 0, topK: 2,
      hidden: 1, intermediate: 1)
    let options = ImportOptions(model: model)
    let all: [Int32] = [0, 0, 1, 2, 3, 4, 0, 0, 5, 6, 7, 0]
    let routing: [Int32] = [1, 2, 3, 4, 5, 6, 7, 0]
    for ids in [all, routing] {
      let requests = try importText(
        answer(ids, prompt: 1), named: "a.json", options: options)
      #expect(requests.map(\.ids) == [routing.map(UInt16.init)])
    }
    var reader = try SGLangFormat(options: options)
    let folder = try TemporaryFolder()
    let path = try folder.write(
      Array(answer([-1, -1, 1, 2, 3, -1, -1, -1, 5, 6, -1, -1], prompt: 1).utf8), to: "a.json")
    try reader.open(
      TraceSource(path: path, folder: "", size: 0, files: [found(path)]))
    let request = try #require(
      try reader.next(within: EventBounds(experts: 8, topK: 2)))
    #expect(request.layers == .counted(3))
    #expect(
      request.ids == [empty, empty, 1, 2, 3, empty, empty, empty, 5, 6, empty, empty])
  }

  /// Rows may be left out at the beginning, or one more be there; the prompt ends where it ends.
  @Test(arguments: [(3, 2, 2), (3, 2, 3), (3, 3, 1), (2, 4, 0), (3, 1, nil)] as [(Int, Int, Int?)])
  func theBoundaryCountsRowsThatAreThere(prompt: Int, completion: Int, prefill: Int?) throws {
    let model = ModelShape(
      name: "one", layers: 1, moeLayers: 0..<1, experts: 8, sharedExperts: 0, topK: 2, hidden: 1,
      intermediate: 1)
    // So many rows that the prompt's are `prefill` of them.
    let whole = prompt + completion - 1
    let rows = prefill.map { whole - (prompt - $0) } ?? whole + 1
    let ids = (0..<rows).flatMap { [Int32($0 % 8), Int32(($0 + 1) % 8)] }
    let requests = try importText(
      answer(ids, prompt: prompt, completion: completion), named: "a.json",
      options: ImportOptions(model: model))
    #expect(requests.map(\.prefill) == [prefill ?? prompt])
    #expect(requests.map(\.ids.count) == [2 * rows])
  }

  @Test func theShapeIsAskedFor() throws {
    let fault = importFault {
      try importText(answer(Self.ids), named: "a.json", options: ImportOptions(experts: 8))
    }
    #expect(fault?.kind == .missing)
    #expect(
      fault?.problem == "SGLang's answers do not say how many layers and ids a token has")
    #expect(fault?.remedy.contains("--shape") == true)
    // Without numbers of tokens, top-k is not enough.
    let counts = importFault {
      try importText(
        answer(Self.ids, prompt: nil, completion: nil), named: "a.json", options: Self.options)
    }
    #expect(counts?.remedy == "give the shape of the model that answered with --shape")
  }

  @Test func thePromptIsAskedFor() throws {
    let model = ModelShape(
      name: "two", layers: 2, moeLayers: 0..<2, experts: 8, sharedExperts: 0, topK: 2, hidden: 1,
      intermediate: 1)
    let text = answer(Self.ids, prompt: nil, completion: nil)
    let fault = importFault {
      try importText(text, named: "a.json", options: ImportOptions(model: model))
    }
    #expect(fault?.kind == .missing)
    #expect(fault?.remedy.contains("--prefill") == true)
    let requests = try importText(
      text, named: "a.json", options: ImportOptions(model: model, prefill: 1))
    #expect(requests.map(\.prefill) == [1])
  }

  @Test(arguments: [
    (#"{"meta_info": {"id": "a"}, "x": "routed_experts"}"#, "the answer has no routed_experts"),
    (#"{"meta_info": {"routed_experts": null}}"#, "the answer has no routed_experts"),
    (#"[{"meta_info": {"routed_experts": null}}]"#, "the answer has no routed_experts"),
    (#"{"meta_info": {"routed_experts": [1, 2]}}"#, "a list of layers expected"),
    (#"{"meta_info": {"routed_experts": 7}}"#, "routed_experts, a text in base64, expected"),
    (#"{"meta_info": {"routed_experts": "AAA*"}}"#, "sign 3 of its base64 text is none of base64"),
    (#"{"meta_info": {"routed_experts": "AAAA"}}"#, "its routing of 3 bytes is not made of 32-bit"),
    (#"{"meta_info": {"routed_experts": "AAAAAA=="}}"#, "its 1 ids cannot be split into layers"),
    ("[]", "the list of answers is empty"), ("7", "an object or a list of objects expected"),
    ("[7]", "an answer (an object) expected"),
    (answer([1, 2, 3, 70000], prompt: 1), "expert 70000 is outside 0 to 7"),
    (answer([1, 2, 3, -7], prompt: 1), "expert -7 is outside 0 to 7"),
    (answer([1, 2, 3, 9], prompt: 1), "expert 9 is outside 0 to 7"),
    (
      answer([1, 2, 3, 4, 5, 6, 7, 0], prompt: 2),
      "its 8 ids cannot be split into layers of 3 tokens"
    ),
  ])
  func refuses(_ text: String, problem: String) throws {
    let fault = importFault {
      try importText(text, named: "a.json", format: .sglangJSON, options: Self.options)
    }
    #expect(fault?.problem.hasPrefix(problem) == true, "\(fault?.problem ?? "no error")")
  }

  @Test func aFaultNamesTokenAndLayer() throws {
    var ids = Self.ids
    ids[10] = -3
    let fault = importFault { try importText(answer(ids), named: "a.json", options: Self.options) }
    #expect(fault?.token == 2)
    #expect(fault?.layer == 1)
    let text = answer(Self.ids) + "\n" + answer([1], prompt: 1)
    let line = importFault { try importText(text, named: "a.jsonl", options: Self.options) }
    #expect(line?.request == 1)
    #expect(line?.byte == answer(Self.ids).utf8.count + 1)
  }

  @Test func cutAnywhereIsATypedErrorOrTheWhole() throws {
    let text = Array((answer(Self.ids) + "\n" + answer(Self.ids)).utf8)
    let (taken, untyped) = try cutEverywhere(
      text, named: "a.json", format: .sglangJSON, options: Self.options)
    #expect(taken == [text.count / 2, text.count / 2 + 1, text.count])
    #expect(untyped.isEmpty)
  }
}
