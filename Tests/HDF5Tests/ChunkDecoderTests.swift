import Testing

@testable import HDF5

@Suite struct ChunkDecoderTests {
  /// The checksum alone notices a changed bit where nothing is deflated.
  @Test func everyFlippedBitIsNoticed() {
    let decoder = ChunkDecoder(filters: [.fletcher32], elementSize: 1, bytes: 5)
    let content: [UInt8] = [3, 1, 4, 1, 5]
    let sum = fletcher32(content)
    let stored = content + (0..<4).map { UInt8(truncatingIfNeeded: sum >> (8 * $0)) }
    #expect(decoder.decode(stored, skipped: 0) == content)
    for bit in 0..<stored.count * 8 {
      var damaged = stored
      damaged[bit / 8] ^= 1 << (bit % 8)
      #expect(decoder.decode(damaged, skipped: 0) == nil, "bit \(bit)")
    }
  }
}
