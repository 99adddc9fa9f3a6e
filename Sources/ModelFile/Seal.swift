import HDF5

/// The last 64 bytes of a model file: a line of text with the length and digest of all before them.
///
/// HDF5 itself allows bytes behind its end and never looks at them. The seal lets a reader know
/// that a file is whole before libhdf5 parses any of it: a cut or flipped byte anywhere, in tables
/// or in HDF5's own structures, shows at the speed of memory.
///
///     "\nmoecast-seal 1 xxh64 0123456789abcdef bytes 0000000012345678\n" padded with spaces to 64
enum Seal {
  static let length = 64
  private static let beginning = Array("\nmoecast-seal 1 xxh64 ".utf8)

  /// What the end of a file says about the rest.
  enum Verdict: Hashable {
    /// The rest is what was written.
    case intact
    /// There is a seal, and the rest is not what was written.
    case broken
    /// There is none: the file was written or edited by another program, or cut at its very end.
    case absent
  }

  /// The seal of a file of these bytes.
  static func of(_ bytes: [UInt8]) -> [UInt8] {
    bytes.withUnsafeBytes { text(digest: xxh64($0), count: $0.count) }
  }

  /// Looks at a whole file, seal included.
  static func check(_ file: UnsafeRawBufferPointer) -> Verdict {
    guard file.count > length else { return .absent }
    let (content, seal) = (file[..<(file.count - length)], file[(file.count - length)...])
    guard seal.starts(with: beginning) else { return .absent }
    let digest = xxh64(UnsafeRawBufferPointer(rebasing: content))
    return seal.elementsEqual(text(digest: digest, count: content.count)) ? .intact : .broken
  }

  /// The seal of this digest and length: its line of text, padded with spaces.
  private static func text(digest: UInt64, count: Int) -> [UInt8] {
    let bytes = String(count)
    let line =
      beginning + Array("\(hexadecimal(digest)) bytes ".utf8)
      + repeatElement(UInt8(ascii: "0"), count: max(0, 17 - bytes.utf8.count)) + bytes.utf8
    return line + repeatElement(UInt8(ascii: " "), count: length - 1 - line.count)
      + [UInt8(ascii: "\n")]
  }
}
