/// The header of a `.npy` file: a Python dictionary in text,
/// `{'descr': '<i4', 'fortran_order': False, 'shape': (11, 6, 4), }`.
struct NPYHeader {
  /// NumPy's name of the element type, such as `<u2`.
  private(set) var descr = ""
  /// Whether the first axis is fastest.
  private(set) var isFortranOrder = false
  /// The extents of the axes.
  private(set) var shape: [Int] = []

  /// Parses strings, booleans and tuples of whole numbers, nothing else.
  init(_ text: UnsafeRawBufferPointer) throws(ArchiveError) {
    var scanner = Scanner(bytes: Array(text))
    var seen: Set<String> = []
    try scanner.expect("{")
    while !scanner.skip("}") {
      let key = try scanner.string()
      try scanner.expect(":")
      switch key {
      case "descr":
        guard !scanner.isAt("[") else {
          throw ArchiveError(
            "it is an array of records", remedy: "save its routing field as an array of its own")
        }
        descr = try scanner.string()
      case "fortran_order": isFortranOrder = try scanner.boolean()
      case "shape": shape = try scanner.tuple()
      default: throw ArchiveError("its header has an unknown key")
      }
      seen.insert(key)
      if !scanner.skip(",") {
        try scanner.expect("}")
        break
      }
    }
    guard seen.count == 3 else { throw ArchiveError("its header lacks descr, order or shape") }
  }

  /// Goes through the text from left to right.
  private struct Scanner {
    let bytes: [UInt8]
    var at = 0

    /// Passes over white space.
    mutating func skipSpaces() {
      while at < bytes.count, bytes[at] == 0x20 || bytes[at] == 0x0A { at += 1 }
    }

    /// Whether `sign` comes next, after white space.
    mutating func isAt(_ sign: Unicode.Scalar) -> Bool {
      skipSpaces()
      return at < bytes.count && bytes[at] == UInt8(ascii: sign)
    }

    /// Takes `sign` where it comes next; whether it did.
    mutating func skip(_ sign: Unicode.Scalar) -> Bool {
      guard isAt(sign) else { return false }
      at += 1
      return true
    }

    /// Takes `sign`, which must come next.
    mutating func expect(_ sign: Unicode.Scalar) throws(ArchiveError) {
      guard skip(sign) else { throw ArchiveError("its header is damaged") }
    }

    /// A text in single or double quotes.
    mutating func string() throws(ArchiveError) -> String {
      let quote: UInt8 = isAt("\"") ? 0x22 : 0x27
      guard at < bytes.count, bytes[at] == quote else {
        throw ArchiveError("its header is damaged")
      }
      guard let end = bytes[(at + 1)...].firstIndex(of: quote) else {
        throw ArchiveError("its header is damaged")
      }
      defer { at = end + 1 }
      return String(decoding: bytes[at + 1..<end], as: UTF8.self)
    }

    /// `True` or `False`.
    mutating func boolean() throws(ArchiveError) -> Bool {
      skipSpaces()
      for (word, value) in [("True", true), ("False", false)]
      where bytes[at...].starts(with: word.utf8) {
        at += word.utf8.count
        return value
      }
      throw ArchiveError("its header is damaged")
    }

    /// `()`, `(3,)`, `(3, 4)`; NumPy for Python 2 wrote `3L`.
    mutating func tuple() throws(ArchiveError) -> [Int] {
      try expect("(")
      var numbers: [Int] = []
      while !skip(")") {
        skipSpaces()
        let end = bytes[at...].firstIndex { !(0x30...0x39).contains($0) } ?? bytes.endIndex
        guard let number = Int(String(decoding: bytes[at..<end], as: UTF8.self)),
          numbers.count < 32
        else { throw ArchiveError("its header has an impossible shape") }
        at = end
        _ = skip("L")
        numbers.append(number)
        if !skip(",") {
          try expect(")")
          break
        }
      }
      return numbers
    }
  }
}
