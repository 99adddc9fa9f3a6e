import RoutingTrace
import TestSupport
import Testing

@testable import TraceImport

private let empty = TokenBlock.emptySlot

/// A meta line of a logger of these layers.
private func meta(_ layers: [Int], topK: Int = 2, model: String = "m") -> String {
  #"{"type": "meta", "model_id": "\#(model)", "seed": 1, "layers_logged": \#(layers), "#
    + #""top_k": \#(topK), "created_at": 1.5}"# + "\n"
}

/// A record of a token's choice, ids and weights as they are written.
private func route(
  _ token: Int, _ layer: Int, _ ids: String, _ weights: String? = nil, of request: String = #""r1""#
) -> String {
  let more = weights.map { #", "topk_weights": \#($0)"# } ?? ""
  return #"{"type": "route", "req_id": \#(request), "token_idx": \#(token), "layer": \#(layer), "#
    + #""topk_ids": \#(ids)\#(more)}"# + "\n"
}

/// The requests as the format gives them, before anything is checked.
private func raw(
  _ files: [(String, String)], options: ImportOptions = ImportOptions(experts: 8)
) throws -> [RawRequest] {
  let folder = try TemporaryFolder()
  for (name, text) in files { try folder.write(Array(text.utf8), to: name) }
  let finder = try SourceFinder([folder.path], format: .vllmLogger)
  var reader = try VLLMLoggerFormat(options: options)
  let bounds = try RequestValidator(options).bounds
  var requests: [RawRequest] = []
  for source in finder.sources {
    try reader.open(source)
    while let request = try reader.next(within: bounds) { requests.append(request) }
  }
  return requests
}

@Suite struct VLLMLoggerFormatTests {
  private static let options = ImportOptions(experts: 8)

  @Test func readsIdsWeightsAndPrompt() throws {
    let text =
      meta([0, 3]) + route(0, 0, "[1, 2]", "[0.5, 0.25]") + route(1, 0, "[3, 4]", "[0.25, 0.75]")
      + route(0, 3, "[5, 6]", "[1, 0.5]") + route(1, 3, "[7, 0]", "[0.5, 0.125]")
      + route(0, 0, "[2, 1]", "[0.5, 0.5]") + route(0, 3, "[6, 5]", "[1e0, 0]")
    let folder = try TemporaryFolder()
    let path = try folder.write(Array(text.utf8), to: "moe_routes.jsonl")
    var importer = try TraceImporter([path], options: Self.options)
    #expect(importer.format == .vllmLogger)
    #expect(importer.isWeighted)
    #expect(importer.shape == (try TraceShape(modelLayers: [0, 3], experts: 8, topK: 2)))
    let request = try #require(try importer.next())
    #expect(request.name == "r1")
    #expect(request.prefill == 2)
    // In descending gate weight.
    #expect(request.ids == [1, 2, 5, 6, 4, 3, 7, 0, 2, 1, 6, 5])
    #expect(
      request.weights == [0.5, 0.25, 1, 0.5, 0.75, 0.25, 0.5, 0.125, 0.5, 0.5, 1, 0])
    #expect(try importer.next() == nil)
  }

  @Test func filesOfAFolderAreJoinedLayerByLayer() throws {
    let folder = try TemporaryFolder()
    for layer in [0, 8, 12] {
      let text =
        meta([layer]) + route(0, layer, "[\(layer % 7), 7]") + route(1, layer, "[1, \(layer % 5)]")
        + route(0, layer, "[3, 6]")
      try folder.write(Array(text.utf8), to: "moe_layer\(layer).jsonl")
    }
    var importer = try TraceImporter([folder.path], options: Self.options)
    #expect(importer.shape.modelLayers == [0, 8, 12])
    #expect(importer.files == 3)
    let request = try #require(try importer.next())
    // 0 % 7, 8 % 7, 12 % 7; then 0 % 5, 8 % 5, 12 % 5.
    #expect(request.ids == [0, 7, 1, 7, 5, 7, 1, 0, 1, 3, 1, 2, 3, 6, 3, 6, 3, 6])
    #expect(request.prefill == 2)
    #expect(try importer.next() == nil)
  }

  /// Logs of the same layers, or of another model, are no layers of one log.
  @Test func logsOfTheSameLayersAreRequestsOfTheirOwn() throws {
    let log = { (layer: Int, id: Int) in meta([layer]) + route(0, layer, "[\(id), 7]") }
    let options = ImportOptions(experts: 8, prefill: 1)
    let runs = try raw([("a.jsonl", log(1, 2)), ("b.jsonl", log(1, 3))], options: options)
    #expect(runs.map(\.ids) == [[2, 7], [3, 7]])
    let models = try raw(
      [("a.jsonl", log(1, 2)), ("b.jsonl", meta([2], model: "n") + route(0, 2, "[4, 5]"))],
      options: options)
    #expect(models.map(\.tokens) == [1, 1])
  }

  /// `token_idx` that goes back begins no request; another `req_id` does, wherever its records are.
  @Test func aRequestIsWhatHasOneName() throws {
    let text =
      meta([0]) + route(0, 0, "[1, 2]", of: #""a""#) + route(1, 0, "[3, 4]", of: #""b""#)
      + route(0, 0, "[5, 6]", of: #""a""#) + route(0, 0, "[1, 3]", of: "7")
      + route(0, 0, "[1, 4]", of: "null")
      + route(0, 0, "[7, 0]", of: #""b""#) + meta([0]) + route(0, 0, "[2, 3]", of: #""a""#)
    let requests = try raw([("a.jsonl", text)], options: ImportOptions(experts: 8, prefill: 0))
    #expect(requests.map(\.name) == ["a", "b", "7", "", "a"])
    #expect(requests.map(\.ids) == [[1, 2, 5, 6], [3, 4, 7, 0], [1, 3], [1, 4], [2, 3]])
  }

  /// What an engine did not record is an empty slot, however it is written.
  @Test func absenceIsTranslated() throws {
    let text =
      meta([0, 1]) + route(0, 0, "[-1, 2]", "[0.5, 0.5]") + route(0, 1, "[null, -1]", "[NaN, NaN]")
      + route(1, 0, "[3]", "[0.5]") + route(1, 1, "null", "null")
      + route(2, 0, "[]", "[]") + route(2, 1, "[4, 5]", "[0.25, Infinity]")
      + route(3, 0, "[6, 7]", "[1, 1]")
    let request = try #require(try raw([("a.jsonl", text)]).first)
    #expect(
      request.ids == [
        empty, 2, empty, empty, 3, empty, empty, empty, empty, empty, 4, 5, 6, 7, empty, empty,
      ])
    let weights = try #require(request.weights)
    #expect(weights[..<11] == [0, 0.5, 0, 0, 0.5, 0, 0, 0, 0, 0, 0.25])
    // A weight that is there and no number is left to be refused.
    #expect(weights[11].isNaN)
    #expect(request.prefill == 4)
  }

  /// A log may begin with events of which nothing was recorded, weights neither.
  @Test func weightsMayComeLater() throws {
    let text =
      meta([0, 1]) + route(0, 0, "null") + route(0, 1, "[-1, -1]", "[0, 0]") + route(1, 0, "[]")
      + route(1, 1, "[3, 4]", "[0.5, 0.25]") + route(2, 0, "[5, 6]", "[1, 0.5]")
    let request = try #require(try raw([("a.jsonl", text)]).first)
    #expect(
      request.ids == [empty, empty, empty, empty, empty, empty, 3, 4, 5, 6, empty, empty])
    #expect(request.weights == [0, 0, 0, 0, 0, 0, 0.5, 0.25, 1, 0.5, 0, 0])
  }

  /// A file of which nothing was recorded has no weights; those of the others stay.
  @Test(arguments: [false, true])
  func aFileWithoutAnEventIsJoined(isFirst: Bool) throws {
    let there = meta([0]) + route(0, 0, "[1, 2]", "[0.5, 0.25]")
    let absent = meta([1]) + route(0, 1, "null")
    let request = try #require(
      try raw(
        [(isFirst ? "b" : "a", there), (isFirst ? "a" : "b", absent)].map {
          ($0.0 + ".jsonl", $0.1)
        }
      ).first)
    #expect(request.ids == [1, 2, empty, empty])
    #expect(request.weights == [0.5, 0.25, 0, 0])
  }

  @Test func layersThatWereNotLoggedAreEmptyWhereTheModelIsKnown() throws {
    let model = try #require(ModelShape.named("qwen1.5-moe-a2.7b"))
    let text = meta([5], topK: 4) + route(0, 5, "[1, 2, 3, 59]") + route(1, 5, "[4, 5, 6, 7]")
    let request = try #require(
      try raw([("a.jsonl", text)], options: ImportOptions(model: model)).first)
    #expect(request.layers == .numbered(Array(0..<24)))
    #expect(request.ids.count == 2 * 24 * 4)
    #expect(request.ids[20..<24] == [1, 2, 3, 59])
    #expect(request.ids[116..<120] == [4, 5, 6, 7])
    #expect(request.ids.filter { $0 == empty }.count == 2 * 23 * 4)
  }

  @Test func withoutWeightsTheyAreNotLookedAt() throws {
    let text =
      meta([0]) + route(0, 0, "[1, 2]", #"["a", {}]"#) + route(1, 0, "[3, 4]")
      + route(2, 0, "[5, 6]", "7")
    let options = ImportOptions(experts: 8, readsWeights: false)
    let request = try #require(try raw([("a.jsonl", text)], options: options).first)
    #expect(request.ids == [1, 2, 3, 4, 5, 6])
    #expect(request.weights == nil)
  }

  @Test func otherRecordsAndEmptyLinesArePassedOver() throws {
    let text =
      "\n" + meta([0]) + #"{"type": "step", "layer": "all"}"# + "\n\n" + route(0, 0, "[1, 2]")
      + "\n"
      + route(1, 0, "[3, 4]")
    #expect(try raw([("a.jsonl", text)]).map(\.ids) == [[1, 2, 3, 4]])
  }

  /// A batch under one name does not tell whose prompts are in it; the user may.
  @Test func anUnknownPromptIsAskedFor() throws {
    let text =
      meta([0]) + (0..<3).map { _ in route(0, 0, "[1, 2]") + route(1, 0, "[3, 4]") }.joined()
    let fault = importFault { try importText(text, named: "a.jsonl") }
    #expect(fault?.kind == .missing)
    #expect(
      fault?.problem
        == "its 3 engine steps of 6 tokens do not tell which are of a prompt")
    for prefill in [0, 4] {
      let requests = try importText(
        text, named: "a.jsonl", options: ImportOptions(experts: 8, prefill: prefill))
      #expect(requests.map(\.prefill) == [prefill])
    }
    // It is more than what the order tells.
    let told = meta([0]) + route(0, 0, "[1, 2]") + route(1, 0, "[3, 4]")
    let requests = try importText(
      told, named: "a.jsonl", options: ImportOptions(experts: 8, prefill: 1))
    #expect(requests.map(\.prefill) == [1])
  }

  @Test(arguments: [
    (route(0, 0, "[1, 9]"), "expert 9 is outside 0 to 7", "or its --experts and --top-k"),
    (route(0, 0, "[1, 70000]"), "expert 70000 is outside 0 to 7", "or its --experts and --top-k"),
    (route(0, 0, "[1, -2]"), "expert -2 is outside 0 to 7", "or its --experts and --top-k"),
    (route(0, 0, "[1, 1]"), "expert 1 is chosen twice", "record or write it again"),
    (route(0, 0, "[1, 2, 3]"), "3 expert ids in a token that takes 2", "--top-k"),
    (
      route(-1, 0, "[1, 2]"), "token_idx, a whole number from 0, expected, not -1",
      "leave the line out"
    ),
    (#"{"type": "route", "token_idx": 0, "layer": 0}"#, "the record has no topk_ids", "leave the"),
    (#"{"type": "route", "topk_ids": [1, 2], "layer": 0}"#, "the record has no token_idx", "leave"),
    (#"{"type": "route", "topk_ids": [1, 2], "token_idx": 0}"#, "the record has no layer", "leave"),
    (#"{"topk_ids": [1, 2]}"#, "the record has no type", "leave the line out"),
    ("[1, 2]\n", "an object expected", "leave the line out"),
    (route(0, 0, "[1, 2]", "[1]"), "1 topk_weights for 2 topk_ids", "--no-weights"),
    (
      route(0, 0, "[1, 2]", "[1, 1]") + route(1, 0, "[1, 2]"),
      "no topk_weights, unlike in earlier records", "--no-weights"
    ),
    (
      route(0, 0, "[1, 2]") + route(1, 0, "[1, 2]", "[1, 1]"),
      "topk_weights, unlike in earlier records", "--no-weights"
    ),
  ])
  func namesLineAndProblem(_ lines: String, problem: String, remedy: String) throws {
    let text = meta([0]) + lines + (lines.hasSuffix("\n") ? "" : "\n") + route(9, 0, "[3, 4]")
    let fault = importFault { try importText(text, named: "a.jsonl", format: .vllmLogger) }
    #expect(fault?.problem == problem)
    #expect(fault?.remedy.contains(remedy) == true, "\(fault?.remedy ?? "no error")")
  }

  /// `--no-weights` is what it is told to do.
  @Test func weightsInSomeRecordsOnlyCanBeLeftOut() throws {
    let text = meta([0]) + route(0, 0, "[1, 2]", "[1, 1]") + route(1, 0, "[3, 4]")
    let requests = try importText(
      text, named: "a.jsonl", options: ImportOptions(experts: 8, readsWeights: false))
    #expect(requests.map(\.ids) == [[1, 2, 3, 4]])
  }

  /// An engine that was killed leaves a line that is cut off; leaving it out helps.
  @Test func aLineCutOffAtTheEndIsToBeLeftOut() throws {
    let text = meta([0]) + route(0, 0, "[1, 2]") + route(1, 0, "[3, 4]")
    let fault = importFault { try importText(String(text.dropLast(9)), named: "a.jsonl") }
    #expect(fault?.kind == .malformed)
    #expect(fault?.line == 3)
    #expect(fault?.remedy == "leave its last line out: keep the first 2 (head -n 2)")
    let kept = text.split(separator: "\n").prefix(2).joined(separator: "\n")
    #expect(try importText(kept, named: "a.jsonl").map(\.ids) == [[1, 2]])
  }

  @Test func cutAnywhereIsATypedErrorOrWholeLines() throws {
    let bytes = VLLMLoggerFormat.sample.content
    let (taken, untyped) = try cutEverywhere(
      bytes, named: "a.jsonl", format: .vllmLogger, options: ImportOptions(experts: 8, prefill: 1))
    // Behind the meta line a record may end anywhere: with its line end or without.
    let ends = bytes.indices.filter { bytes[$0] == 0x0A }.dropFirst().flatMap { [$0, $0 + 1] }
    #expect(taken == ends)
    #expect(untyped.isEmpty)
  }

  @Test func topKMustBeThatOfTheShape() throws {
    let text = meta([0]) + route(0, 0, "[1, 2]")
    let fault = importFault {
      try importText(text, named: "a.jsonl", options: ImportOptions(experts: 8, topK: 3))
    }
    #expect(fault?.line == 1)
    #expect(fault?.problem == "its tokens take 2 experts, but 3 are expected")
  }

  /// Files that are not of one run are refused with the token, and can be read one at a time.
  @Test(
    arguments: [
      (route(0, 1, "[1, 2]") + route(0, 1, "[1, 2]"), 1, "the token stands elsewhere"),
      (route(0, 1, "[1, 2]"), 1, "the token stands elsewhere"),
      (route(1, 1, "[1, 2]") + route(2, 1, "[1, 2]"), 0, "the token stands elsewhere"),
      (
        route(0, 1, "[1, 2]", of: #""x""#) + route(1, 1, "[1, 2]", of: #""x""#), nil,
        "request x, top-2, but"
      ),
      (
        route(0, 1, "[1, 2]") + route(1, 1, "[1, 2]") + route(0, 1, "[1, 2]", of: #""x""#), nil,
        "2 requests, but a.jsonl has 1 there"
      ),
      (
        route(0, 1, "[1, 2]", "[1, 1]") + route(1, 1, "[1, 2]", "[1, 1]"), nil,
        "it has topk_weights"
      ),
      (route(0, 0, "[1, 2]") + route(1, 0, "[1, 2]"), nil, "the layer is in another file"),
    ] as [(String, Int?, String)])
  func filesMustHaveTheSameTokens(_ lines: String, token: Int?, problem: String) throws {
    let folder = try TemporaryFolder()
    let first = meta([0]) + route(0, 0, "[1, 2]") + route(1, 0, "[3, 4]")
    try folder.write(Array(first.utf8), to: "a.jsonl")
    let path = try folder.write(Array((meta([1]) + lines).utf8), to: "b.jsonl")
    let options = ImportOptions(experts: 8, prefill: 0)
    let fault = importFault { try importAll([folder.path], options: options) }
    #expect(fault?.file == path)
    #expect(fault?.token == token)
    #expect(fault?.problem.hasPrefix(problem) == true, "\(fault?.problem ?? "no error")")
    #expect(try !importAll([path], options: options).isEmpty)
  }

  /// A few records must not stand for a multitude of events.
  @Test func memoryFollowsTheRecords() throws {
    let text = meta([0]) + (0..<4000).map { route($0, $0, "[1, 2]") }.joined()
    let fault = importFault { try importText(text, named: "a.jsonl") }
    #expect(fault?.problem == "4000 records for 4000 tokens of 4000 layers")
  }
}
