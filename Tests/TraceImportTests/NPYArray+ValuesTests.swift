import Archive
import Foundation
import RoutingTrace
import TestSupport
import Testing

@testable import TraceImport

/// Arrays are converted a piece at a time; no element may be lost between two.
@Suite struct NPYArrayValuesTests {
  /// A header of version 1 in 128 bytes.
  static func header(_ type: String, count: Int) -> [UInt8] {
    let text = "{'descr': '\(type)', 'fortran_order': False, 'shape': (\(count),), }"
    let padded = text + String(repeating: " ", count: 117 - text.count) + "\n"
    return NPYArray.magic + [1, 0, 118, 0] + Array(padded.utf8)
  }

  static func array<Value: FixedWidthInteger>(_ type: String, _ values: [Value]) -> [UInt8] {
    header(type, count: values.count) + values.withUnsafeBytes { Array($0) }
  }

  @Test(arguments: [1, 65_535, 65_536, 65_537, 200_000])
  func piecesJoin(count: Int) throws {
    let values = (0..<count).map { UInt32($0 * 7 % 300) }
    try Self.array("<u4", values).withUnsafeBytes { bytes in
      let (ids, outOfRange) = try NPYArray(MemberContent(bytes)).ids(experts: 300)
      #expect(ids == values.map { UInt16($0) })
      #expect(outOfRange == nil)
    }
    let signed = values.map { Int16($0) }
    try Self.array("<i2", signed).withUnsafeBytes { bytes in
      let (ids, _) = try NPYArray(MemberContent(bytes)).ids(experts: 300)
      #expect(ids == values.map { UInt16($0) })
    }
  }

  @Test(arguments: [0, 65_535, 65_536, 131_071, 199_999])
  func theFirstElementOutOfRangeIsNamed(index: Int) throws {
    var values = [Int64](repeating: 5, count: 200_000)
    values[199_999] = 1 << 40
    values[index] = -3
    try Self.array("<i8", values).withUnsafeBytes { bytes in
      let outOfRange = try NPYArray(MemberContent(bytes)).ids(experts: 300).outOfRange
      #expect(outOfRange?.index == index)
      #expect(outOfRange?.value == -3)
    }
  }

  /// No bytes bound what an array without tokens promises.
  @Test(arguments: ["0, 2444444444444444444, 8", "0, 65537, 8", "0, 2, 65"])
  func anArrayOfNothingIsBounded(shape: String) throws {
    let text = "{'descr': '|u1', 'fortran_order': False, 'shape': (\(shape)), }"
    let header = text + String(repeating: " ", count: 117 - text.count) + "\n"
    let folder = try TemporaryFolder()
    let path = try folder.write(
      NPYArray.magic + [1, 0, 118, 0] + Array(header.utf8), to: "nothing.npy")
    let fault = importFault {
      try importAll([path], options: ImportOptions(experts: 80, prefill: 0))
    }
    #expect(fault?.problem.contains("at most 65536 layers and 64 ids") == true)
  }

  /// What is asked of memory is known before it is taken.
  @Test func moreIDsThanARequestMayHaveAreRefused() throws {
    let count = NPYArray.mostValues + 1
    let header = Self.header("|u1", count: count)
    // Pages that nobody touches.
    let size = header.count + count
    let pages = mmap(nil, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    let bytes = UnsafeMutableRawBufferPointer(start: try #require(pages), count: size)
    defer { munmap(pages, size) }
    bytes.copyBytes(from: header)
    let array = try NPYArray(MemberContent(UnsafeRawBufferPointer(bytes)))
    let problem = #expect(throws: ArchiveError.self) { try array.ids(experts: 300) }
    #expect(problem?.problem.contains("536870913 elements") == true)
    #expect(problem?.remedy.contains("several files") == true)
  }

  /// An inflated member of many pieces is the array that NumPy wrote; one damaged byte of it is
  /// noticed.
  @Test(.enabled(if: Python.has("numpy"), "python3 with numpy is absent"))
  func inflatedPiecesJoin() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("big.npz")
    _ = try Python.run(
      """
      import numpy as np, sys
      rng = np.random.default_rng(1)
      ids = np.argsort(rng.random((40000, 2, 8)), 2)[:, :, :3]
      np.savez_compressed(sys.argv[1], routed_experts=ids, prompt_token_ids=np.arange(100))
      ids.astype('<u2').tofile(sys.argv[1] + '.raw')
      """, path)
    let raw = try folder.bytes(of: "big.npz.raw")
    let expected = (0..<raw.count / 2).map { UInt16(raw[2 * $0]) | UInt16(raw[2 * $0 + 1]) << 8 }
    let options = ImportOptions(experts: 8)
    #expect(try importAll([path], options: options).map(\.ids) == [expected])
    var bytes = try folder.bytes(of: "big.npz")
    var random = SplitMix64(seed: 2)
    for _ in 0..<30 {
      let at = Int.random(in: 100..<bytes.count / 2, using: &random)
      bytes[at] ^= 0x10
      let damaged = try folder.write(bytes, to: "damaged.npz")
      let fault = importFault { try importAll([damaged], options: options) }
      #expect(fault?.problem.contains("damaged") == true || fault?.problem.contains("size") == true)
      bytes[at] ^= 0x10
    }
  }
}
