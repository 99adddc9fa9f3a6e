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
    let count = length / 4 * 3 + max(0, length % 4 - 1)
    var wrong: UInt8 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { bytes, filled in
      values.withUnsafeBufferPointer { values in
        // Four signs are three bytes; what is no sign has the highest bit of its value set.
        var at = 0
        while at &+ 4 <= length {
          let (a, b) = (values[Int(text[at])], values[Int(text[at &+ 1])])
          let (c, d) = (values[Int(text[at &+ 2])], values[Int(text[at &+ 3])])
          wrong |= a | b | c | d
          bytes[filled] = a << 2 | b >> 4
          bytes[filled &+ 1] = b << 4 | c >> 2
          bytes[filled &+ 2] = c << 6 | d
          filled &+= 3
          at &+= 4
        }
        guard at < length else { return }
        let (a, b) = (values[Int(text[at])], values[Int(text[at &+ 1])])
        bytes[filled] = a << 2 | b >> 4
        filled &+= 1
        wrong |= a | b
        guard at &+ 2 < length else { return }
        let c = values[Int(text[at &+ 2])]
        bytes[filled] = b << 4 | c >> 2
        filled &+= 1
        wrong |= c
      }
    }
    guard wrong & noSign == 0 else {
      let place = text[..<length].firstIndex { values[Int($0)] == noSign } ?? 0
      throw Problem(text: "sign \(place) of its base64 text is none of base64")
    }
    return bytes
  }

  /// What stands in ``values`` for a byte that is no sign.
  private static let noSign: UInt8 = 0x80

  /// The six bits that every byte stands for.
  private static let values: [UInt8] = {
    var values = [UInt8](repeating: noSign, count: 256)
    let signs = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    for (value, sign) in signs.utf8.enumerated() { values[Int(sign)] = UInt8(value) }
    return values
  }()
}
