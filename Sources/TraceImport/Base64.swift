import FoundationEssentials

/// Base64 (RFC 4648, with `+` and `/`), as engines put arrays into JSON.
enum Base64 {
  /// Why a text is not base64.
  struct Problem: Error, Equatable {
    /// What is wrong, as a clause for messages.
    var text: String
  }

  /// The bytes that `text` stands for; signs that fill up its end may be left out.
  ///
  /// - Complexity: O(bytes of the text).
  static func bytes(of text: UnsafeRawBufferPointer) throws(Problem) -> [UInt8] {
    var length = text.count
    while length > 0, text.count - length < 2, text[length - 1] == UInt8(ascii: "=") { length -= 1 }
    guard length % 4 != 1, text.count == length || text.count % 4 == 0 else {
      throw Problem(text: "its base64 text of \(text.count) signs is cut off")
    }
    let signs = UnsafeRawBufferPointer(rebasing: text[..<length])
    if let wrong = signs.firstIndex(where: { !isSign($0) }) {
      throw Problem(text: "sign \(wrong) of its base64 text is none of base64")
    }
    var whole = Data(signs)
    whole.append(contentsOf: repeatElement(UInt8(ascii: "="), count: (4 - length % 4) % 4))
    guard let bytes = Data(base64Encoded: whole) else {
      throw Problem(text: "its base64 text cannot be decoded")
    }
    return Array(bytes)
  }

  /// Whether a byte is a sign of base64.
  private static func isSign(_ byte: UInt8) -> Bool {
    switch Unicode.Scalar(byte) {
    case "A"..."Z", "a"..."z", "0"..."9", "+", "/": true
    default: false
    }
  }
}
