import Archive
import RoutingTrace
import TestSupport
import Testing

@testable import TraceImport

private let empty = TokenBlock.emptySlot

/// A `.npy` file of 32-bit ids.
func npy32(_ shape: [Int], _ values: [Int32]) -> [UInt8] {
  npy("<i4", shape: shape, content: values.withUnsafeBytes { Array($0) })
}

/// What an import of one `.npy` file gives, and what it left out.
private func importArray(
  _ bytes: [UInt8], _ options: ImportOptions
) throws -> (requests: [RequestTrace], shape: TraceShape, omissions: ImportOmissions) {
  let folder = try TemporaryFolder()
  let path = try folder.write(bytes, to: "a.npy")
  var importer = try TraceImporter([path], options: options)
  var requests: [RequestTrace] = []
  while let request = try importer.next() { requests.append(request) }
  return (requests, importer.shape, importer.omissions)
}

/// Three tokens, two layers, top-2 of 8; `ids` of the middle token.
private func three(_ ids: [Int32]) -> [UInt8] {
  npy32([3, 2, 2], [1, 2, 3, 4] + ids + [5, 6, 7, 0])
}

private let options = ImportOptions(experts: 8, prefill: 2)

/// Every way in which engines and trainers write that nothing was recorded, by every format.
@Suite struct AbsenceTests {
  @Test(
    arguments: [
      // One slot, in front or behind: it goes to the end.
      ([-1, 2, 3, 4], [2, empty, 3, 4], [0, 0, 1]),
      ([1, -1, 3, 4], [1, empty, 3, 4], [0, 0, 1]),
      ([8, 2, 3, 4], [2, empty, 3, 4], [0, 0, 1]),
      // One event.
      ([-1, -1, 3, 4], [empty, empty, 3, 4], [0, 1, 0]),
      ([0, 0, 3, 4], [empty, empty, 3, 4], [0, 1, 0]),
      ([8, 8, 3, 4], [empty, empty, 3, 4], [0, 1, 0]),
      ([-1, 8, 3, 4], [empty, empty, 3, 4], [0, 1, 0]),
      // A whole token.
      ([-1, -1, -1, -1], [empty, empty, empty, empty], [1, 2, 0]),
      ([0, 0, 0, 0], [empty, empty, empty, empty], [1, 2, 0]),
      ([8, 8, 0, 0], [empty, empty, empty, empty], [1, 2, 0]),
      // Expert 0 beside another is a choice.
      ([0, 2, 3, 0], [0, 2, 3, 0], [0, 0, 0]),
    ] as [([Int32], [UInt16], [Int])])
  func anArraySaysNothing(_ ids: [Int32], expected: [UInt16], absent: [Int]) throws {
    let (requests, _, omissions) = try importArray(three(ids), options)
    #expect(requests.map(\.ids) == [[1, 2, 3, 4] + expected + [5, 6, 7, 0]])
    #expect(requests.map(\.prefill) == [2])
    let found = omissions.absent
    #expect([found.tokens, found.events, found.slots] == absent)
  }

  @Test func minusOneMayHaveBecomeUnsigned() throws {
    let contents: [(String, [UInt8])] = [
      ("|u1", [1, 2, 0xFF, 0xFF, 3, 4]), ("<u2", [1, 0, 2, 0, 0xFF, 0xFF, 0xFF, 0xFF, 3, 0, 4, 0]),
    ]
    for (type, content) in contents {
      let (requests, _, _) = try importArray(
        npy(type, shape: [3, 1, 2], content: content), options)
      #expect(requests.map(\.ids) == [[1, 2, empty, empty, 3, 4]], "\(type)")
    }
    // Of 256 experts the last is one.
    let (requests, _, _) = try importArray(
      npy("|u1", shape: [1, 1, 2], content: [0xFF, 3]), ImportOptions(experts: 256, prefill: 0))
    #expect(requests.map(\.ids) == [[255, 3]])
  }

  @Test(
    arguments: [
      ("<i4", [0xFE, 0xFF, 0xFF, 0xFF], "-2"), ("<i4", [0xFE, 0xFF, 0, 0], "65534"),
      ("<i4", [0xFF, 0xFF, 0, 0], "65535"), ("<i4", [9, 0, 0, 0], "9"),
    ] as [(String, [UInt8], String)])
  func otherNumbersAreRefusedByTheirValue(_ type: String, bytes: [UInt8], value: String) throws {
    let content = [1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0] + bytes
    let fault = importFault {
      try importArray(npy(type, shape: [2, 1, 2], content: content), options).requests
    }
    #expect(fault?.problem == "expert \(value) is outside 0 to 7")
    #expect(fault?.token == 1)
    #expect(fault?.remedy.contains("--experts") == true)
  }

  /// 4 layers of 2 slots count up: enough that no router can be meant; 3 layers are not.
  @Test func tokensThatCountUpAreFilledIn() throws {
    let counting = [Int32](repeating: 0, count: 8).indices.map { Int32($0 % 2) }
    let routed: [Int32] = [1, 2, 3, 4, 5, 6, 7, 0]
    let bytes = npy32([3, 4, 2], routed + counting + routed.reversed())
    let (requests, _, omissions) = try importArray(bytes, options)
    #expect(requests[0].ids[8..<16].allSatisfy { $0 == empty })
    #expect(omissions.absent.tokens == 1)
    let kept = try importArray(
      bytes, ImportOptions(experts: 8, prefill: 2, keepsConstant: true))
    #expect(kept.requests[0].ids[8..<16].elementsEqual(counting.map { UInt16($0) }))
    let few = try importArray(
      npy32([2, 3, 2], [0, 1, 0, 1, 0, 1, 2, 3, 4, 5, 6, 7]), options)
    #expect(few.requests[0].ids.prefix(6) == [0, 1, 0, 1, 0, 1])
  }

  @Test func tokensAtTheEndWithoutARouteAreLeftOut() throws {
    let bytes = npy32([4, 1, 2], [1, 2, 3, 4, -1, -1, 0, 0])
    let (requests, _, omissions) = try importArray(
      bytes, ImportOptions(experts: 8, prefill: 3))
    #expect(requests.map(\.ids) == [[1, 2, 3, 4]])
    #expect(requests.map(\.prefill) == [2])
    #expect(omissions.trailingTokens == 2)
    #expect(omissions.absent == AbsentRoutes())
  }

  @Test(arguments: [-1, 0, 64, 7] as [Int32])
  func denseLayersOfAKnownShapeHoldAnything(_ filling: Int32) throws {
    let model = try #require(ModelShape.named("deepseek-v2-lite"))
    #expect(model.moeLayers.first == 1)
    var values: [Int32] = []
    for token in 0..<2 {
      for layer in 0..<model.layers {
        values += (0..<6).map { layer == 0 ? filling : Int32((token * 9 + layer + $0 * 5) % 64) }
      }
    }
    let fault = importFault {
      let (requests, shape, omissions) = try importArray(
        npy32([2, 27, 6], values), ImportOptions(model: model, prefill: 1))
      #expect(shape.layers == 26)
      #expect(requests[0].ids.count == 2 * 26 * 6)
      #expect(omissions.absent == AbsentRoutes())
      return requests
    }
    #expect((fault == nil) == (filling != 7))
    #expect(fault.map { $0.problem.contains("dense in deepseek-v2-lite") } ?? true)
  }

  @Test func withoutAShapeLayersOfNothingAreDense() throws {
    let (requests, shape, _) = try importArray(
      npy32([2, 3, 2], [-1, -1, 1, 2, 8, 8, 0, 0, 3, 4, -1, 8]), options)
    #expect(shape.modelLayers == [1])
    #expect(requests.map(\.ids) == [[1, 2, 3, 4]])
  }

  @Test func requestsWithoutARouteAreLeftOut() throws {
    let folder = try TemporaryFolder()
    try folder.write(npy32([2, 1, 2], [-1, -1, -1, -1]), to: "1.npy")
    try folder.write(npy32([2, 1, 2], [1, 2, 3, 4]), to: "2.npy")
    try folder.write(npy32([2, 1, 2], [0, 0, 0, 0]), to: "3.npy")
    var importer = try TraceImporter([folder.path], options: options)
    #expect(try importer.next()?.name == "2")
    #expect(try importer.next() == nil)
    #expect(importer.omissions.emptyRequests == 2)
  }

  @Test(
    arguments: [
      (0, "all are 0"), (-1, "all are -1 or missing"), (8, "all are 8, the number of experts"),
    ] as [(Int32, String)])
  func aRecordingOfNothingIsRefused(_ filling: Int32, words: String) throws {
    let fault = importFault {
      try importArray(
        npy32([3, 2, 2], Array(repeating: filling, count: 12)), options
      ).requests
    }
    #expect(fault?.kind == .recordedNothing)
    #expect(fault?.problem.contains("no event of its 3 tokens holds an expert (\(words))") == true)
    #expect(fault?.problem.contains("the engine recorded nothing") == true)
    #expect(fault?.remedy.hasPrefix("record again") == true)
  }

  @Test func selectionTracesSayNothing() throws {
    let text = """
      [{"0": null, "1": [[5, 2], null, [-1, 3]], "3": [[1], [3, 4], []]},
       {"1": [[2, 3]], "3": [[4, null]]}, {"1": null, "3": [[6, 7]]}, {"3": [], "1": [[1, 8]]},
       null, {"1": [[4, 5]], "3": [[6, 5]]}]
      """
    let requests = try importText(text, named: "1.json", format: .paperJSON)
    let expected: [[UInt16]] = [
      [5, 2, 1, empty], [empty, empty, 3, 4], [3, empty, empty, empty], [2, 3, 4, empty],
      [empty, empty, 6, 7], [1, empty, empty, empty], [empty, empty, empty, empty], [4, 5, 6, 5],
    ]
    #expect(requests.map(\.ids) == [expected.flatMap(\.self)])
    #expect(requests.map(\.prefill) == [3])
  }

  /// The widest event tells top-k, wherever it stands; a given top-k is kept to.
  @Test(arguments: [
    "[{\"1\":[[0],[1,2]],\"2\":[[4,5],[6]]}]", "[{\"1\":[[],[1,2]],\"2\":[[4],[6]]}]",
  ])
  func theWidestEventTellsTopK(_ text: String) throws {
    let requests = try importText(text, named: "1.json", format: .paperJSON)
    #expect(requests.map(\.ids.count) == [8])
    let fault = importFault {
      try importText(
        text, named: "1.json", format: .paperJSON, options: ImportOptions(experts: 8, topK: 1))
    }
    #expect(fault?.problem == "2 expert ids; an event has at most 1")
  }

  @Test func fingerprintsSayNothing() throws {
    func event(_ ids: String, _ weights: String?) -> String {
      "{\"selected_experts\": \(ids)" + (weights.map { ", \"selected_probs\": \($0)" } ?? "") + "}"
    }
    let text = """
      {"router_data": [null, {"token_1": null},
       {"token_2": {"layer_0": \(event("[3, 1]", "[0.75, 0.25]")), "layer_1": null}},
       {"token_3": {"layer_1": \(event("[-1, 2]", "[0.5, 0.5]"))}},
       {"token_4": {"layer_0": \(event("[4]", "[0.5]")), "layer_1": \(event("[]", "[]"))}},
       {"token_5": {"layer_1": \(event("[0, 7]", "[0.25, 0.5]")),
                    "layer_0": \(event("[5, 6]", "[1, 2]"))}}]}
      """
    let requests = try importText(text, named: "1.json", format: .gptOSS)
    let expected: [[UInt16]] = [
      [empty, empty, empty, empty], [empty, empty, empty, empty], [3, 1, empty, empty],
      [empty, empty, 2, empty], [4, empty, empty, empty], [6, 5, 7, 0],
    ]
    #expect(requests.map(\.ids) == [expected.flatMap(\.self)])
    let weights: [[Float16]] = [
      [0, 0, 0, 0], [0, 0, 0, 0], [0.75, 0.25, 0, 0], [0, 0, 0.5, 0], [0.5, 0, 0, 0],
      [2, 1, 0.5, 0.25],
    ]
    #expect(requests.map(\.weights) == [weights.flatMap(\.self)])
  }

  @Test func tablesSayNothing() throws {
    let text = """
      Layer ID,Batch Number,Token,Activated Expert IDs
      1,0,a,"[3]"
      1,0,b,"[]"
      1,0,c,"[-1, 4]"
      1,0,d,"[1, 2, 3]"
      2,0,a,"[5, None, 6]"
      2,0,b,"[8, 1, 2]"
      2,0,c,"[2, 1, 0]"
      2,0,d,"[7]"

      """
    let requests = try importText(text, named: "1.csv", format: .moeBeyond)
    let expected: [[UInt16]] = [
      [3, empty, empty, 5, 6, empty], [empty, empty, empty, 1, 2, empty],
      [4, empty, empty, 2, 1, 0], [1, 2, 3, 7, empty, empty],
    ]
    #expect(requests.map(\.ids) == [expected.flatMap(\.self)])
  }

  @Test func scoresSayNothing() throws {
    let requests = try importText(
      "1\t-1\t3\t4\t\t0.5\t0\t0.25\t0.75\n", named: "expert_weights_2.txt", format: .esft,
      options: ImportOptions(experts: 8, topK: 2))
    #expect(requests.map(\.ids) == [[1, empty, 4, 3]])
    #expect(requests.map(\.weights) == [[0.5, 0, 0.75, 0.25]])
  }

  /// Later requests may lack a layer; numbered layers that hold nothing are dense.
  @Test func numberedLayersMayBeAbsentOrDense() throws {
    let folder = try TemporaryFolder()
    try folder.write(
      Array(#"[{"0": [[-1, -1]], "1": [[1, 2]], "2": [[3, 4]]}]"#.utf8), to: "1.json")
    try folder.write(Array(#"[{"0": null, "2": [[5, 6]]}]"#.utf8), to: "2.json")
    var importer = try TraceImporter([folder.path], options: ImportOptions(experts: 8))
    #expect(importer.shape.modelLayers == [1, 2])
    #expect(try importer.next()?.ids == [1, 2, 3, 4])
    #expect(try importer.next()?.ids == [empty, empty, 5, 6])
    #expect(importer.omissions.absent.events == 1)
  }

  @Test func aDoubtfulTopKIsSaid() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(
      Array(#"[{"1": [[1], [2], [3], [4, 5]]}]"#.utf8), to: "1.json")
    var importer = try TraceImporter([path], options: ImportOptions(experts: 8))
    while try importer.next() != nil {}
    #expect(importer.remarks.map(\.text).first?.hasPrefix("only 1 of 4 events have 2") == true)
  }
}
