/// FNV-1a over words of 64 bits: a hash that is the same on every machine and in every run, for
/// telling sets and streams of ids apart. Not for checksums, which are XXH32 and XXH64.
///
/// Source: Fowler, Noll and Vo; offset basis and prime of 64 bits, whole words in place of bytes.
package struct FNV1a {
  /// The hash of what was added.
  package private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

  /// The hash of nothing.
  package init() {}

  /// Adds a word.
  package mutating func add(_ word: UInt64) { value = (value ^ word) &* 0x100_0000_01B3 }
}
