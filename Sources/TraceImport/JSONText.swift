/// What is said of JSON text before it is parsed.
enum JSONText {
  /// Whether a byte is white space between JSON's tokens.
  static func isSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
  }

  /// Whether `text` holds `"key"`; a text value that mentions it has its quotes escaped.
  static func holds(_ text: some Collection<UInt8>, key: String) -> Bool {
    let quoted = Array("\"\(key)\"".utf8)
    var rest = text[...]
    while let quote = rest.firstIndex(of: quoted[0]) {
      rest = rest[quote...]
      if rest.starts(with: quoted) { return true }
      rest = rest.dropFirst()
    }
    return false
  }
}
