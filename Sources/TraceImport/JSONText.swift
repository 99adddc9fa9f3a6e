import CSimdJSON

/// What is said of JSON text before it is parsed.
enum JSONText {
  /// Whether a byte is white space between JSON's tokens.
  static func isSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
  }

  /// Whether `text` holds `"key"`; a text value that mentions it has its quotes escaped.
  static func holds(_ text: some Collection<UInt8>, key: String) -> Bool {
    var quoted = "\"\(key)\""
    return quoted.withUTF8 { quoted in
      text.withContiguousStorageIfAvailable { text in
        csj_holds(text.baseAddress, text.count, quoted.baseAddress, quoted.count) != 0
      } ?? false
    }
  }
}
