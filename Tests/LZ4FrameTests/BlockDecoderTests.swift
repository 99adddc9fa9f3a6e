import CLZ4
import Testing

@testable import LZ4Frame

/// Blocks are decoded here, not by liblz4: the two must never differ, and no byte beyond the room
/// may change.
@Suite struct BlockDecoderTests {
  /// Content of one kind: runs of noise and repetitions from up to `distance` behind, of up to
  /// `length` bytes each.
  static func content(_ count: Int, distance: Int, length: Int, seed: UInt64) -> [UInt8] {
    var state = seed
    func draw(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    var bytes: [UInt8] = []
    while bytes.count < count {
      for _ in 0..<draw(length) { bytes.append(UInt8(draw(256))) }
      guard !bytes.isEmpty else { continue }
      let behind = 1 + draw(min(distance, bytes.count))
      for _ in 0..<draw(length) { bytes.append(bytes[bytes.count - behind]) }
    }
    return Array(bytes[..<count])
  }

  static func compress(_ content: [UInt8], level: Int) -> [UInt8] {
    var packed = [UInt8](repeating: 0, count: Int(LZ4_compressBound(Int32(content.count))))
    let count = packed.withUnsafeMutableBytes { packed in
      content.withUnsafeBytes { content in
        let from = content.assumingMemoryBound(to: CChar.self).baseAddress
        let to = packed.assumingMemoryBound(to: CChar.self).baseAddress
        return level == 0
          ? LZ4_compress_default(from, to, Int32(content.count), Int32(packed.count))
          : LZ4_compress_HC(from, to, Int32(content.count), Int32(packed.count), Int32(level))
      }
    }
    return Array(packed[..<Int(count)])
  }

  /// What liblz4 makes of a block; nil where it refuses it.
  static func reference(_ packed: [UInt8], room: Int) -> [UInt8]? {
    var content = [UInt8](repeating: 0, count: max(1, room))
    let count = content.withUnsafeMutableBytes { content in
      packed.withUnsafeBytes { packed in
        LZ4_decompress_safe(
          packed.assumingMemoryBound(to: CChar.self).baseAddress,
          content.assumingMemoryBound(to: CChar.self).baseAddress, Int32(packed.count),
          Int32(room))
      }
    }
    return count < 0 ? nil : Array(content[..<Int(count)])
  }

  /// What is decoded here; nil where liblz4 is left to decide.
  static func decoded(_ packed: [UInt8], room: Int) -> [UInt8]? {
    var memory = [UInt8](repeating: 0xA5, count: room + 256)
    // Block and room end where their memory ends or is looked at, so that reaching beyond is seen.
    let block = UnsafeMutableRawBufferPointer.allocate(byteCount: packed.count, alignment: 1)
    defer { block.deallocate() }
    block.copyBytes(from: packed)
    var hashed = PartialHash()
    let count = memory.withUnsafeMutableBytes { memory -> Int? in
      guard let start = memory.baseAddress else { return nil }
      return BlockDecoder.decode(
        UnsafeRawBufferPointer(block), into: start, at: 0, room: room, hashed: &hashed)
    }
    #expect(memory[room...].allSatisfy { $0 == 0xA5 })
    guard let count else {
      #expect(hashed.count == 0)
      return nil
    }
    let content = Array(memory[..<count])
    #expect(hashed.count <= count)
    #expect(content.withUnsafeBytes { hashed.finish($0) } == xxh32(content))
    return content
  }

  static let kinds = [
    (1, 300), (3, 40), (8, 12), (16, 20), (40, 9), (5000, 8), (60_000, 90), (9, 2000),
  ]

  @Test(arguments: kinds, [0, 9])
  func whatLZ4WritesIsDecoded(kind: (distance: Int, length: Int), level: Int) {
    for count in [1, 12, 13, 64, 159, 160, 161, 162, 170, 320, 1000, 5000, 70_000, 262_144] {
      let content = Self.content(
        count, distance: kind.distance, length: kind.length, seed: UInt64(count))
      let packed = Self.compress(content, level: level)
      for room in [count, count + 1, count + 200] {
        #expect(Self.decoded(packed, room: room) == content)
      }
      for room in [count - 1, count / 2] where room > 0 {
        #expect(Self.decoded(packed, room: room) == nil)
      }
    }
  }

  @Test(arguments: kinds)
  func whatIsAcceptedLZ4AcceptsToo(kind: (distance: Int, length: Int)) {
    var state: UInt64 = 7
    func draw(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    var accepted = 0
    for round in 0..<3000 {
      let count = 1 + draw(round % 3 == 0 ? 2000 : 400)
      let content = Self.content(
        count, distance: kind.distance, length: kind.length, seed: UInt64(round))
      var packed = Self.compress(content, level: 0)
      for _ in 0...draw(3) {
        switch draw(4) {
        case 0: packed.removeLast(draw(packed.count))
        case 1: packed[draw(packed.count)] ^= 1 << UInt8(draw(8))
        case 2: packed[draw(packed.count)] = [0, 0x0F, 0xF0, 0xFF][draw(4)]
        default: packed.insert(UInt8(draw(256)), at: draw(packed.count))
        }
      }
      for room in [count, count + 300] {
        guard let ours = Self.decoded(packed, room: room) else { continue }
        accepted += 1
        #expect(Self.reference(packed, room: room) == ours)
      }
    }
    #expect(accepted > 0)
  }
}
