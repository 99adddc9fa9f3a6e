import Archive
import RoutingTrace
import TestSupport
import Testing

@testable import ShardSums

@Suite struct ShardSumsTests {
  static func sums() throws -> ShardSums {
    let shape = try TraceShape(model: "m", modelLayers: [1, 3], experts: 4, topK: 2)
    var sums = ShardSums(.analyze, shape: shape)
    sums.settings["tasks"] = ["naïve", "b\"\n"]
    sums.set("wide", [UInt64(7), 8, 9, 1 << 40, 0, 0], shape: [2, 3])
    sums.set("narrow", [UInt32(1), .max], shape: [2])
    sums.set("none", [UInt32](), shape: [0, 4])
    sums.set("weights", [Float(0.5), -3], shape: [1, 2])
    sums.set("one", 12)
    return sums
  }

  @Test func whatIsWrittenIsRead() throws {
    let sums = try Self.sums()
    let bytes = try sums.bytes()
    #expect(try ShardSums(bytes: bytes) == sums)
    #expect(try ShardSums(bytes: bytes).bytes() == bytes)
    let folder = try TemporaryFolder()
    let path = try folder.write(bytes, to: "sums.npz")
    #expect(ShardSums.areIn(path))
    #expect(try ShardSums(path: path) == sums)
    #expect(try sums.number("one") == 12)
    #expect(try sums.values("wide", shape: [-1, 3]) as [UInt64] == [7, 8, 9, 1 << 40, 0, 0])
    #expect(try sums.words("tasks") == ["naïve", "b\"\n"])
  }

  @Test(.enabled(if: Python.has("numpy"), "\(Python.absence("numpy"))")) func numPyReadsThem()
    throws
  {
    let folder = try TemporaryFolder()
    let path = try folder.write(try Self.sums().bytes(), to: "sums.npz")
    let printed = try Python.run(
      """
      import json, sys, numpy
      z = numpy.load(sys.argv[1])
      about = json.loads(z["about.json"])
      print(about["kind"], about["model_layers"], about["settings"]["tasks"])
      print(z["wide"].dtype, z["wide"].tolist(), z["narrow"].tolist(), z["none"].shape)
      print(z["weights"].tolist(), z["one"].tolist())
      """, path)
    #expect(
      printed == """
        analyze [1, 3] ['naïve', 'b"\\n']
        uint64 [[7, 8, 9], [1099511627776, 0, 0]] [1, 4294967295] (0, 4)
        [[0.5, -3.0]] [12]

        """)
  }

  @Test func aWrongArrayIsNamed() throws {
    let sums = try Self.sums()
    func problem(_ body: () throws -> Void) throws -> String {
      try #require(#expect(throws: ShardSumsError.self, performing: body)).problem
    }
    #expect(try problem { _ = try sums.number("two") } == "it has no array two")
    #expect(
      try problem { let _: [UInt64] = try sums.values("wide", shape: [3, 2]) }
        == "its array wide is <u8 of shape [2, 3], not <u8 of [3, 2]")
    #expect(
      try problem { let _: [UInt32] = try sums.values("wide", shape: [2, 3]) }
        == "its array wide is <u8 of shape [2, 3], not <u4 of [2, 3]")
    #expect(try problem { _ = try sums.words("parts") } == "it does not tell its parts")
    var large = sums
    large.set("wide", [UInt64](repeating: 1 << 61, count: 6), shape: [2, 3])
    #expect(
      try problem { let _: [UInt64] = try large.values("wide", shape: [2, 3]) }
        == ShardSumsError.full.problem)
    large.set("weights", [Float.nan], shape: [1])
    #expect(
      try problem { let _: [Float] = try large.values("weights", shape: [1]) }
        == ShardSumsError.full.problem)
  }

  /// Every cut and every flip of a byte is either told or changes nothing that is read.
  @Test func damageIsSeen() throws {
    let sums = try Self.sums()
    let bytes = try sums.bytes()
    for length in stride(from: 0, to: bytes.count, by: 7) {
      #expect(throws: ShardSumsError.self) { try ShardSums(bytes: Array(bytes[..<length])) }
    }
    var seen = 0
    for index in bytes.indices {
      var flipped = bytes
      flipped[index] ^= 1 << (index % 8)
      do {
        #expect(try ShardSums(bytes: flipped) == sums, "byte \(index)")
      } catch {
        seen += 1
      }
    }
    #expect(seen > bytes.count / 2)
  }

  @Test func otherFilesAreNoSums() throws {
    let folder = try TemporaryFolder()
    let text = try folder.write(Array("no sums".utf8), to: "t.npz")
    #expect(!ShardSums.areIn(text) && !ShardSums.areIn(folder.path))
    #expect(!ShardSums.areIn(folder.file("missing")))
    let error = #expect(throws: ShardSumsError.self) { try ShardSums(path: text) }
    #expect(error?.file == text)
    let archive = try ZipWriter.archive([("about.json", Array("{}".utf8))])
    #expect(throws: ShardSumsError.self) { try ShardSums(bytes: archive) }
    #expect(throws: ShardSumsError.self) { try ShardSums(path: folder.file("missing")) }
  }
}
