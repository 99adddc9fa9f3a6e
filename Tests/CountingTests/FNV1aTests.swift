import Counting
import Testing

/// The hash of ids against the published vectors of FNV-1a, whose words are bytes.
@Suite struct FNV1aTests {
  @Test(arguments: [
    ("", 0xCBF2_9CE4_8422_2325 as UInt64), ("a", 0xAF63_DC4C_8601_EC8C),
    ("foobar", 0x8594_4171_F739_67E8),
  ])
  func hashesAreThePublishedOnes(text: String, hash: UInt64) {
    var own = FNV1a()
    for byte in text.utf8 { own.add(UInt64(byte)) }
    #expect(own.value == hash)
  }
}
