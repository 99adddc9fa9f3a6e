import Testing

@testable import ModelFile

@Suite struct XXH64Tests {
  /// Values of the reference implementation.
  @Test(
    arguments: [
      ("", 0xEF46_DB37_51D8_E999), ("a", 0xD24E_C4F1_A98C_6E5B), ("abc", 0x44BC_2CF5_AD77_0999),
      ("Nobody inspects the spammish repetition", 0xFBCE_A83C_8A37_8BF1),
    ] as [(String, UInt64)])
  func knownAnswers(text: String, hash: UInt64) {
    #expect(xxh64(Array(text.utf8)) == hash)
  }

  @Test func everyLengthAndEveryByteCounts() {
    var seen: Set<UInt64> = []
    for count in 0..<100 {
      var bytes = (0..<UInt8(count)).map { $0 }
      #expect(seen.insert(xxh64(bytes)).inserted)
      for position in bytes.indices {
        bytes[position] ^= 1
        #expect(seen.insert(xxh64(bytes)).inserted)
        bytes[position] ^= 1
      }
    }
  }

  @Test func digitsAreSixteen() {
    #expect(hexadecimal(0xAB) == "00000000000000ab")
  }
}
