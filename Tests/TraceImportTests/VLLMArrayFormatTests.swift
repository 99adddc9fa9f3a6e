import Archive
import RoutingTrace
import TestSupport
import Testing

@testable import TraceImport

/// A `.npy` file of `shape` in version 1.0.
func npy(_ descr: String, shape: [Int], order: String = "False", content: [UInt8]) -> [UInt8] {
  let extents = shape.map { "\($0), " }.joined()
  var header = "{'descr': '\(descr)', 'fortran_order': \(order), 'shape': (\(extents)), }"
  header += String(repeating: " ", count: 63 - (header.utf8.count + 10) % 64) + "\n"
  let length = header.utf8.count
  return NPYArray.magic + [1, 0, UInt8(length & 0xFF), UInt8(length >> 8)] + Array(header.utf8)
    + content
}

@Suite struct VLLMArrayFormatTests {
  /// Three tokens, two layers, top-2.
  private static let ids: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 0, 2, 1, 4, 3]
  private static let array = npy("|u1", shape: [3, 2, 2], content: ids)

  @Test func boundaryIsGiven() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(Self.array, to: "a.npy")
    let requests = try importAll([path], options: ImportOptions(experts: 8, prefill: 2))
    #expect(requests == [RequestTrace(name: "a", prefill: 2, ids: Self.ids.map(UInt16.init))])
  }

  @Test(arguments: ["a.json", "a.npy.json"])
  func boundaryComesFromASidecar(_ sidecar: String) throws {
    let folder = try TemporaryFolder()
    try folder.write(Self.array, to: "a.npy")
    try folder.write(
      Array(#"{"prompt": "x", "input_token_count": 1, "more": [1]}"#.utf8), to: sidecar)
    let requests = try importAll([folder.path], options: ImportOptions(experts: 8))
    #expect(requests.map(\.prefill) == [1])
    let fault = importFault {
      try importAll([folder.path], options: ImportOptions(experts: 8, prefill: 2))
    }
    #expect(fault?.problem == "its prompt has 1 tokens, but 2 are given")
  }

  /// A sidecar that cannot be read is named, and the array is read without it.
  @Test(arguments: ["[]", "{", "", #"{"input_token_count": "many"}"#])
  func aSidecarOfSomethingElseCanBeMovedAway(_ text: String) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(Self.array, to: "a.npy")
    let sidecar = try folder.write(Array(text.utf8), to: "a.json")
    let fault = importFault { try importAll([path], options: ImportOptions(experts: 8)) }
    #expect(fault?.file == sidecar)
    #expect(fault?.remedy == "mend this sidecar, or move it away and give --prefill N")
    try run("mv", sidecar, folder.file("away"))
    #expect(try importAll([path], options: ImportOptions(experts: 8, prefill: 1)).count == 1)
  }

  @Test func aSidecarTellsOfSeveralRequests() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(Self.array, to: "a.npy")
    try folder.write(
      Array(
        #"""
        {"requests": [{"request_id": "x", "task": "t", "rows": 1, "input_token_count": 1},
        {"rows": 0, "input_token_count": 0}, {"rows": 2, "input_token_count": 0}]}
        """#.utf8), to: "a.json")
    let ids = Self.ids.map(UInt16.init)
    #expect(
      try importAll([path], options: ImportOptions(experts: 8)) == [
        RequestTrace(name: "x", task: "t", prefill: 1, ids: Array(ids[..<4])),
        RequestTrace(prefill: 0, ids: []),
        RequestTrace(prefill: 0, ids: Array(ids[4...])),
      ])
  }

  /// Rows that are not the array's are refused, however they are told.
  @Test(arguments: [
    #"{"rows": 2, "input_token_count": 1}"#, #"{"rows": 4, "input_token_count": 1}"#,
    #"{"rows": 3, "input_token_count": 4}"#, #"{"rows": 3, "input_token_count": -1}"#,
    #"{"rows": -3, "input_token_count": 0}"#, #"{"rows": 3}"#, "3",
    #"{"rows": 9223372036854775807, "input_token_count": 0}"#,
    #"{"rows": 1e99, "input_token_count": 0}"#, "",
  ])
  func rowsThatAreNotTheArrays(_ request: String) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(Self.array, to: "a.npy")
    let sidecar = try folder.write(Array("{\"requests\": [\(request)]}".utf8), to: "a.json")
    let fault = importFault { try importAll([path], options: ImportOptions(experts: 8)) }
    #expect(fault?.file == sidecar)
    #expect(fault?.remedy.contains("give --prefill N") == true)
  }

  @Test func withoutBoundaryItAsks() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(Self.array, to: "a.npy")
    let fault = importFault { try importAll([path], options: ImportOptions(experts: 8)) }
    #expect(fault?.kind == .missing)
    #expect(fault?.remedy.contains("--prefill") == true)
    let long = importFault {
      try importAll([path], options: ImportOptions(experts: 8, prefill: 4))
    }
    #expect(long?.problem == "its prompt has 4 tokens, but it has only 3 in all")
  }

  @Test func wideIdsAndTheirBounds() throws {
    let folder = try TemporaryFolder()
    let wide = try folder.write(
      npy("<u2", shape: [1, 1, 2], content: [0x2C, 0x01, 5, 0]), to: "wide.npy")
    let requests = try importAll([wide], options: ImportOptions(experts: 384, prefill: 0))
    #expect(requests.map(\.ids) == [[300, 5]])
    let fault = importFault {
      try importAll([wide], options: ImportOptions(experts: 299, prefill: 0))
    }
    #expect(fault?.problem == "expert 300 is outside 0 to 298")
    let negative = try folder.write(
      npy("<i4", shape: [1, 2, 1], content: [3, 0, 0, 0, 0xFB, 0xFF, 0xFF, 0xFF]), to: "n.npy")
    let below = importFault {
      try importAll([negative], options: ImportOptions(experts: 300, prefill: 0))
    }
    #expect(below?.problem == "expert -5 is outside 0 to 299")
    #expect(below?.layer == 1)
  }

  @Test func requestsOfAnotherTopKAreRefused() throws {
    let folder = try TemporaryFolder()
    try folder.write(Self.array, to: "a.npy")
    try folder.write(npy("|u1", shape: [2, 2, 1], content: [1, 2, 3, 4]), to: "b.npy")
    let fault = importFault {
      try importAll([folder.path], options: ImportOptions(experts: 8, prefill: 1))
    }
    #expect(fault?.kind == .mismatch)
    #expect(fault?.problem == "it is top-1, but the first request is top-2")
    #expect(fault?.file.hasSuffix("b.npy") == true)
  }

  @Test func denseLayersAreMaskedByTheShape() throws {
    let folder = try TemporaryFolder()
    // Llama-4 routes in odd layers; two tokens of 48 layers, top-1.
    var ids = [UInt8](repeating: 0, count: 96)
    for layer in stride(from: 1, to: 48, by: 2) {
      ids[layer] = UInt8(layer)
      ids[48 + layer] = UInt8(layer + 1)
    }
    let path = try folder.write(npy("|u1", shape: [2, 48, 1], content: ids), to: "a.npy")
    let model = try #require(ModelShape.named("llama-4-maverick"))
    let requests = try importAll([path], options: ImportOptions(model: model, prefill: 1))
    #expect(requests[0].ids.count == 48)
    #expect(requests[0].ids.prefix(3) == [1, 3, 5])
    ids[48 + 2] = 9
    let odd = try folder.write(npy("|u1", shape: [2, 48, 1], content: ids), to: "b.npy")
    let fault = importFault {
      try importAll([odd], options: ImportOptions(model: model, prefill: 1))
    }
    #expect(fault?.token == 1)
    #expect(fault?.layer == 2)
    #expect(fault?.problem == "expert ids in a layer that is dense in llama-4-maverick")
    // Without the shape a layer of zeros may be dense or a top-1 router's choice.
    let unknown = importFault {
      try importAll([path], options: ImportOptions(experts: 128, prefill: 1))
    }
    #expect(unknown?.kind == .missing)
    let other = importFault {
      try importAll(
        [path], options: ImportOptions(model: ModelShape.named("mixtral-8x7b"), prefill: 1))
    }
    #expect(other?.problem == "it has 48 layers, but mixtral-8x7b has 32, 32 of them MoE layers")
  }

  @Test(arguments: [
    (npy("|u1", shape: [3, 2, 2], content: [1, 2]), "its header promises 12 bytes"),
    (npy("|u1", shape: [1 << 40, 1 << 40, 2], content: []), "its shape"),
    (npy("|u1", shape: [4, 3], content: [UInt8](repeating: 1, count: 12)), "its shape is [4, 3]"),
    (npy("<f4", shape: [1, 1, 1], content: [0, 0, 0, 0]), "its elements are not whole numbers"),
    (npy("|O", shape: [1, 1, 1], content: []), "it is an object array"),
    (npy("<c8", shape: [1, 1, 1], content: []), "its element type '<c8' is not known"),
    (npy("|u1", shape: [1, 1, 1], order: "Maybe", content: [1]), "its header is damaged"),
  ])
  func refuses(_ bytes: [UInt8], problem: String) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(bytes, to: "a.npy")
    let fault = importFault {
      try importAll([path], options: ImportOptions(experts: 8, prefill: 0))
    }
    #expect(fault?.problem.hasPrefix(problem) == true, "\(fault?.problem ?? "no error")")
  }

  @Test func cutAnywhereIsATypedError() throws {
    let (taken, untyped) = try cutEverywhere(
      Self.array, named: "a.npy", format: .vllmNPY, options: ImportOptions(experts: 8, prefill: 0))
    #expect(taken == [Self.array.count])
    #expect(untyped.isEmpty)
  }
}
