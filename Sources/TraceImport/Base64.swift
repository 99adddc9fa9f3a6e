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
    var wrong: UInt32 = 0
    // Room for a byte more: each group of four signs is stored as four bytes, the last of which the
    // next group writes again.
    var bytes = [UInt8](unsafeUninitializedCapacity: count + 1) { bytes, filled in
      groups.withUnsafeBufferPointer { groups in
        let out = UnsafeMutableRawBufferPointer(bytes)
        var (at, end) = (0, 0)
        while at &+ 4 <= length {
          let group =
            groups[Int(text[at])] | groups[256 &+ Int(text[at &+ 1])]
            | groups[512 &+ Int(text[at &+ 2])] | groups[768 &+ Int(text[at &+ 3])]
          wrong |= group
          out.storeBytes(of: group.littleEndian, toByteOffset: end, as: UInt32.self)
          at &+= 4
          end &+= 3
        }
        // What is left are two or three signs, of one or two bytes.
        var rest: UInt32 = 0
        for place in 0..<length &- at { rest |= groups[256 &* place &+ Int(text[at &+ place])] }
        wrong |= rest
        for place in 0...count &- end {
          bytes[end &+ place] = UInt8(truncatingIfNeeded: rest >> (8 &* place))
        }
        filled = count &+ 1
      }
    }
    bytes.removeLast()
    guard wrong & noSign == 0 else {
      let place = text[..<length].firstIndex { groups[Int($0)] == noSign } ?? 0
      throw Problem(text: "sign \(place) of its base64 text is none of base64")
    }
    return bytes
  }

  /// What stands in ``groups`` for a byte that is no sign; three bytes do not reach so high.
  private static let noSign: UInt32 = 1 << 31

  /// What every byte adds to the three bytes of its group, the first one lowest: 256 for each of the
  /// group's four places.
  private static let groups: [UInt32] = {
    var groups = [UInt32](repeating: noSign, count: 4 * 256)
    let signs = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    for (value, sign) in signs.utf8.enumerated() {
      for place in 0..<4 {
        let bits = UInt32(value) << (18 - 6 * place)
        groups[256 * place + Int(sign)] = bits >> 16 | bits & 0xFF00 | (bits & 0xFF) << 16
      }
    }
    return groups
  }()
}
