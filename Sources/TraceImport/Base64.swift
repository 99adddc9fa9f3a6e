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
    var bytes = [UInt8](repeating: 0, count: length / 4 * 3 + max(0, length % 4 - 1))
    let values = Self.values
    let wrong = bytes.withUnsafeMutableBufferPointer { bytes -> Int? in
      values.withUnsafeBufferPointer { values -> Int? in
        var (at, to) = (0, 0)
        // A sign that is none has all bits, which show in the sum of those of four.
        while at &+ 4 <= length {
          let (a, b) = (values[Int(text[at])], values[Int(text[at &+ 1])])
          let (c, d) = (values[Int(text[at &+ 2])], values[Int(text[at &+ 3])])
          guard (a | b | c | d) < 64 else { break }
          bytes[to] = a << 2 | b >> 4
          bytes[to &+ 1] = b << 4 | c >> 2
          bytes[to &+ 2] = c << 6 | d
          at &+= 4
          to &+= 3
        }
        var (rest, bits): (UInt32, Int) = (0, 0)
        while at < length {
          let value = values[Int(text[at])]
          guard value < 64 else { return at }
          rest = rest << 6 | UInt32(value)
          bits += 6
          if bits >= 8 {
            bits -= 8
            bytes[to] = UInt8(truncatingIfNeeded: rest >> UInt32(bits))
            to &+= 1
          }
          at &+= 1
        }
        return nil
      }
    }
    if let wrong { throw Problem(text: "sign \(wrong) of its base64 text is none of base64") }
    return bytes
  }

  /// What every byte stands for; 255 where it is none of base64.
  private static let values: [UInt8] = {
    var values = [UInt8](repeating: .max, count: 256)
    let signs = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    for (value, sign) in signs.utf8.enumerated() { values[Int(sign)] = UInt8(value) }
    return values
  }()
}
