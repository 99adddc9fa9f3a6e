import LZ4Frame
import Testing

/// Known values from the reference implementation (`python3 -c "import xxhash"`, xxHash 0.8).
@Suite struct XXH32Tests {
  @Test(
    arguments: [
      ("", 0x02CC_5D05), ("a", 0x550D_7456), ("abc", 0x32D1_53FF),
      (String(repeating: "moecast ", count: 40), 0xFC8E_9138),
      ("Nobody inspects the spammish repetition", 0xE229_3B2F),
    ] as [(String, UInt32)])
  func knownValues(text: String, expected: UInt32) {
    #expect(xxh32(Array(text.utf8)) == expected)
  }

  @Test func slicesHashAsTheirBytes() {
    let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    for cut in [0, 1, 15, 16, 17, 63] {
      #expect(xxh32(bytes[cut...]) == xxh32(Array(bytes[cut...])))
    }
  }
}
