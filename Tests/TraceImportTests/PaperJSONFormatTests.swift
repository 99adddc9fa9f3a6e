import RoutingTrace
import TestSupport
import Testing

@testable import TraceImport

/// Two prompt tokens and two decoded ones, top-2 of 8 in model layers 1 and 3.
private let sample = """
  [
    {"0": null, "1": [[5, 2], [0, 7]], "2": null, "3": [[1, 6], [3, 4]]},
    {"0": null, "1": [[2, 3]], "2": null, "3": [[4, 5]]},
    {"0": null, "1": [[6, 1]], "2": null, "3": [[7, 0]]}
  ]
  """

@Suite struct PaperJSONFormatTests {
  @Test func readsPromptAndDecodedTokens() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(Array(sample.utf8), to: "12.json")
    var importer = try TraceImporter([path], options: ImportOptions(experts: 8))
    #expect(importer.format == .paperJSON)
    #expect(importer.isGuessed)
    #expect(importer.shape == (try TraceShape(modelLayers: [1, 3], experts: 8, topK: 2)))
    let request = try #require(try importer.next())
    #expect(request.name == "12")
    #expect(request.task == folder.path.split(separator: "/").last.map(String.init))
    #expect(request.prefill == 2)
    #expect(request.weights == nil)
    #expect(request.ids == [5, 2, 1, 6, 0, 7, 3, 4, 2, 3, 4, 5, 6, 1, 7, 0])
    #expect(try importer.next() == nil)
    #expect(importer.tokens == 4)
    #expect(importer.bytesRead == sample.utf8.count)
  }

  @Test func keysMayStandInAnyOrder() throws {
    let text = """
      [{"3": [[1, 6]], "1": [[5, 2]]}, {"1": [[2, 3]], "3": [[4, 5]]}]
      """
    let requests = try importText(text, named: "1.json")
    #expect(requests[0].ids == [5, 2, 1, 6, 2, 3, 4, 5])
  }

  @Test func promptOnlyAndDecodeOnly() throws {
    let prompt = try importText(#"[{"0": [[1], [2]]}]"#, named: "1.json")
    #expect(prompt[0].prefill == 2)
    let decode = try importText(#"[{"0": []}, {"0": [[3]]}]"#, named: "1.json")
    #expect(decode[0].prefill == 0)
    #expect(decode[0].ids == [3])
  }

  @Test func cutAnywhereIsATypedErrorOrTheWhole() throws {
    let (taken, untyped) = try cutEverywhere(
      Array(sample.utf8), named: "1.json", format: .paperJSON, options: ImportOptions(experts: 8))
    #expect(taken == [sample.utf8.count])
    #expect(untyped.isEmpty)
  }

  @Test(arguments: [
    // Decoded token 0 is the request's token 1.
    (#"[{"0": [[1, 2]]}, {"0": [[1, 9]]}]"#, 1, 0, "expert 9 is outside 0 to 7"),
    (#"[{"0": [[1], [-2]]}]"#, 1, 0, "expert -2 is outside 0 to 7"),
    (#"[{"0": [[1]], "4": [[70000]]}]"#, 0, 4, "expert 70000 is outside 0 to 7"),
    (#"[{"0": [[1]], "4": null}, {"0": [[1]], "4": [[1]]}]"#, 1, 4, "the layer routes here"),
    (#"[{"0": [[1]], "4": [[1]]}, {"0": [[1]], "0": [[1]]}]"#, 1, 0, "the layer is there twice"),
    (#"[{"0": [[1]]}, {"0": [[1], [2]]}]"#, 1, 0, "2 rows in the step of one decoded token"),
    (#"[{"0": [[1, 1]]}]"#, 0, 0, "expert 1 is chosen twice"),
  ])
  func namesTheEvent(_ text: String, token: Int, layer: Int, problem: String) {
    let fault = importFault { try importText(text, named: "1.json") }
    #expect(fault?.kind == .invalid)
    #expect(fault?.request == 0)
    #expect(fault?.token == token)
    #expect(fault?.layer == layer)
    #expect(fault?.problem.hasPrefix(problem) == true, "\(fault?.problem ?? "no error")")
  }

  @Test(arguments: [
    (#"[{"0": [[1]]}] []"#, "text follows"),
    (#"[{"0": [[1]]}] x"#, "a list or object is not closed"),
    (#"[{"0": [[1]]}"#, "a list or object is not closed"),
    (#"[{"0": [[1.5]]}]"#, "an expert id"),
    (#"[{"0": [[-1]]}]"#, "no event of its 1 tokens holds an expert (all are -1 or missing)"),
    (#"[{"0": [["1"]]}]"#, "an expert id"),
    (#"[{"0": [1]}]"#, "a list of expert ids"),
    (#"[{"0": {}}]"#, "null or a list of tokens"),
    (#"[{"zero": [[1]]}]"#, "a key"),
    (#"[{"0": [[1]], "99999": [[1]]}]"#, "a key"),
    (#"[{"0": null}]"#, "no layer of the prompt routes"),
    (#"[{"0": [[1]], "1": [[1], [2]]}]"#, "2 prompt tokens, but layer 0 has 1"),
    (#"[{"0": [[1]], "0": [[1]]}]"#, "the layer is there twice"),
    ("[]", "the list is empty"),
    ("", "the file is empty"),
    ("{}", "a list"),
    ("nonsense", "a list"),
  ])
  func refuses(_ text: String, problem: String) {
    let fault = importFault { try importText(text, named: "1.json", format: .paperJSON) }
    #expect(fault?.problem.hasPrefix(problem) == true, "\(fault?.problem ?? "no error")")
  }

  @Test func pointsAtTheByte() throws {
    let text = #"[{"0": [[1], [  99 ]]}]"#
    let fault = importFault { try importText(text, named: "1.json") }
    #expect(fault?.byte == 16)
    #expect(fault?.description.contains("request 0, token 1, layer 0, byte 16: expert 99") == true)
  }

  @Test func contradictingShapeSaysWhatDiffers() {
    let fault = importFault {
      try importText(
        sample, named: "1.json",
        options: ImportOptions(model: ModelShape.named("llama-4-maverick")))
    }
    #expect(fault?.problem == "2 expert ids; an event has at most 1")
    let layers = importFault {
      try importText(
        #"[{"0": null, "1": [[5]], "3": [[7]]}]"#, named: "1.json",
        options: ImportOptions(model: ModelShape.named("llama-4-maverick")))
    }
    #expect(layers?.kind == .mismatch)
    #expect(layers?.problem == "it lacks layer 5, which routes in llama-4-maverick (24 MoE layers)")
  }

  /// A tab is a space of JSON that only the general reader takes.
  @Test func plainAndGeneralReadingGiveTheSame() throws {
    let shape = try TraceShape(modelLayers: [0, 1, 2], experts: 1000, topK: 9)
    var random = SplitMix64(seed: 12)
    let request = RequestTrace.random(shape: shape, prefill: 5, decode: 4, using: &random)
    for spaces in [("", ""), ("\n", "    "), ("\n\n  ", " ")] {
      let text = selectionTrace(request, shape, spaces)
      let tabbed = text.replacing(",", with: "\t,")
      for topK in [nil, 9] {
        let options = ImportOptions(experts: 1000, topK: topK)
        let plain = try importText(text, named: "1.json", format: .paperJSON, options: options)
        let general = try importText(tabbed, named: "1.json", format: .paperJSON, options: options)
        #expect(plain[0].ids == request.ids)
        #expect(plain[0].prefill == 5)
        #expect(general[0].ids == request.ids)
        #expect(general[0].prefill == 5)
      }
    }
  }

  /// With one byte replaced both take the file for the same, or both refuse it.
  @Test func plainAndGeneralReadingRefuseTheSame() throws {
    let shape = try TraceShape(modelLayers: [0, 1], experts: 120, topK: 3)
    var random = SplitMix64(seed: 7)
    let request = RequestTrace.random(shape: shape, prefill: 2, decode: 2, using: &random)
    let bytes = Array(selectionTrace(request, shape, ("\n", "  ")).utf8)
    let folder = try TemporaryFolder()
    let options = ImportOptions(experts: 120)
    func outcome(_ bytes: [UInt8]) throws -> [[UInt16]]? {
      let path = try folder.write(bytes, to: "1.json")
      return try? importAll([path], format: .paperJSON, options: options).map(\.ids)
    }
    var taken = 0
    for at in bytes.indices {
      for byte in Array("01 ,-]}[\":\n.".utf8) + [0, 0x80] {
        var changed = bytes
        changed[at] = byte
        let plain = try outcome(changed)
        #expect(try plain == outcome([0x09] + changed), "byte \(at) is \(byte)")
        taken += plain == nil ? 0 : 1
      }
    }
    #expect(taken > bytes.count)
  }
}

/// A request as the data set writes it, a line's end and a level's indentation between values.
private func selectionTrace(
  _ request: RequestTrace, _ shape: TraceShape, _ spaces: (line: String, level: String)
) -> String {
  func list(_ values: [String], _ brackets: (String, String), _ level: Int) -> String {
    func line(_ level: Int) -> String {
      spaces.line + String(repeating: spaces.level, count: level)
    }
    return brackets.0 + line(level + 1) + values.joined(separator: ", " + line(level + 1))
      + line(level) + brackets.1
  }
  func entry(_ tokens: Range<Int>) -> String {
    let layers = (0..<shape.layers).map { layer in
      let rows = tokens.map { token in
        let at = (token * shape.layers + layer) * shape.topK
        return list(request.ids[at..<at + shape.topK].map(String.init), ("[", "]"), 3)
      }
      return "\"\(shape.modelLayers[layer])\": " + list(rows, ("[", "]"), 2)
    }
    return list(layers + ["\"99\": null"], ("{", "}"), 1)
  }
  let tokens = request.ids.count / shape.idsPerToken
  return list(
    [entry(0..<request.prefill)] + (request.prefill..<tokens).map { entry($0..<$0 + 1) },
    ("[", "]"), 0)
}
