/// A member of a hardware file and the line where its key stands.
struct HardwareMember {
  let key: String
  let value: HardwareValue
  /// Counted from 1.
  let line: Int
}

/// Reads a hardware file's text: one JSON object of numbers, texts, and lists of memories, which are
/// flat objects themselves.
///
/// Strict, where a lenient reader would change a system in silence: `null`, a key given twice, a
/// comma before the closing brace and anything nested deeper are refused, each with its line.
struct HardwareText {
  private let bytes: [UInt8]
  private let source: String
  private var at = 0
  private var line = 1
  /// Whether a list's object is being read.
  private var isNested = false

  private init(_ bytes: [UInt8], _ source: String) {
    self.bytes = bytes
    self.source = source
  }

  /// The members in the file's order.
  ///
  /// - Parameter source: The file's name, for errors.
  /// - Throws: ``HardwareError`` naming `source`, the line and what is wrong there.
  static func members(
    of bytes: [UInt8], from source: String
  ) throws(HardwareError) -> [HardwareMember] {
    var text = HardwareText(bytes, source)
    let members = try text.object()
    text.skipBlanks()
    guard text.at == bytes.count else {
      throw text.error("not valid JSON: something follows the object")
    }
    return members
  }

  private mutating func object() throws(HardwareError) -> [HardwareMember] {
    var members: [HardwareMember] = []
    var lines: [String: Int] = [:]
    skipBlanks()
    guard take("{") else { throw error("a hardware file is one object of keys and values, {...}") }
    skipBlanks()
    if !take("}") {
      repeat {
        skipBlanks()
        if peek == UInt8(ascii: "}") {
          throw error("a comma stands before the closing brace; remove it")
        }
        let begin = line
        guard peek == UInt8(ascii: "\"") else { throw error("not valid JSON: a key is missing") }
        let key = try text()
        if let earlier = lines.updateValue(begin, forKey: key) {
          throw error("'\(key)' is given twice, first in line \(earlier); keep one")
        }
        skipBlanks()
        guard take(":") else { throw error("not valid JSON: '\(key)' has no colon behind it") }
        skipBlanks()
        members.append(HardwareMember(key: key, value: try value(of: key), line: begin))
        skipBlanks()
      } while take(",")
      guard take("}") else {
        throw error("not valid JSON: a comma or the closing brace is missing")
      }
    }
    return members
  }

  /// A list of memories, from its bracket on.
  private mutating func list(of key: String) throws(HardwareError) -> [MemoryTier] {
    var tiers: [MemoryTier] = []
    at += 1
    isNested = true
    defer { isNested = false }
    skipBlanks()
    if take("]") { return [] }
    repeat {
      skipBlanks()
      guard peek == UInt8(ascii: "{") else {
        throw error("'\(key)' is a list of memories, each an object {\"name\": \"ssd\", ...}")
      }
      let begin = line
      let members = try object().map { ($0.key, $0.value) }
      do { tiers.append(try MemoryTier(members)) } catch {
        throw HardwareError("\(source), line \(begin): \(error)")
      }
      skipBlanks()
    } while take(",")
    guard take("]") else {
      throw error("not valid JSON: a comma or the closing bracket is missing")
    }
    return tiers
  }

  private var peek: UInt8? { at < bytes.count ? bytes[at] : nil }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard peek == UInt8(ascii: character) else { return false }
    at += 1
    return true
  }

  private mutating func skipBlanks() {
    while let byte = peek, [0x20, 0x09, 0x0A, 0x0D].contains(byte) {
      if byte == 0x0A { line += 1 }
      at += 1
    }
  }

  private func error(_ problem: String) -> HardwareError {
    HardwareError("\(source), line \(line): \(problem)")
  }

  private mutating func value(of key: String) throws(HardwareError) -> HardwareValue {
    switch peek {
    case UInt8(ascii: "\""): return .text(try text())
    case UInt8(ascii: "[") where !isNested && key == "tiers": return .tiers(try list(of: key))
    case UInt8(ascii: "["), UInt8(ascii: "{"):
      throw error("'\(key)' must be a number or a text; only tiers is a list")
    default: break
    }
    let begin = at
    while let byte = peek, byte > 0x20, !",}]".utf8.contains(byte) { at += 1 }
    let word = String(decoding: bytes[begin..<at], as: UTF8.self)
    if word == "null" {
      throw error("'\(key)' is null; give it a value, or leave the key out")
    }
    if word == "true" || word == "false" {
      throw error("'\(key)' must be a number or a text, not \(word)")
    }
    guard Self.isNumber(word.utf8), let number = Double(word) else {
      throw error("not valid JSON: '\(key)' has no value that can be read")
    }
    return .number(number)
  }

  /// Whether it is a number as JSON writes them: no plus sign, no leading zeros, no `.5`, no `nan`.
  private static func isNumber(_ word: String.UTF8View) -> Bool {
    var rest = word[...]
    func digits() -> Int {
      let count = rest.prefix { (0x30...0x39).contains($0) }.count
      rest = rest.dropFirst(count)
      return count
    }
    if rest.first == UInt8(ascii: "-") { rest = rest.dropFirst() }
    let isZero = rest.first == UInt8(ascii: "0")
    let whole = digits()
    guard whole > 0, !isZero || whole == 1 else { return false }
    if rest.first == UInt8(ascii: ".") {
      rest = rest.dropFirst()
      guard digits() > 0 else { return false }
    }
    if rest.first == UInt8(ascii: "e") || rest.first == UInt8(ascii: "E") {
      rest = rest.dropFirst()
      if rest.first == UInt8(ascii: "-") || rest.first == UInt8(ascii: "+") {
        rest = rest.dropFirst()
      }
      guard digits() > 0 else { return false }
    }
    return rest.isEmpty
  }

  /// A text in quotation marks, from the first of them on.
  private mutating func text() throws(HardwareError) -> String {
    at += 1
    var content: [UInt8] = []
    while let byte = peek, byte != UInt8(ascii: "\"") {
      guard byte >= 0x20 else {
        throw error("not valid JSON: a text ends with its line; close its quotation mark")
      }
      at += 1
      if byte == UInt8(ascii: "\\") {
        content += try escape()
      } else {
        content.append(byte)
      }
    }
    guard take("\"") else { throw error("not valid JSON: a text has no end") }
    guard let text = String(validating: content, as: UTF8.self) else {
      throw error("not valid JSON: a text is not UTF-8")
    }
    return text
  }

  /// What stands behind a backslash.
  private mutating func escape() throws(HardwareError) -> [UInt8] {
    guard let kind = peek else { throw error("not valid JSON: a text has no end") }
    at += 1
    switch kind {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [kind]
    case UInt8(ascii: "n"): return [0x0A]
    case UInt8(ascii: "t"): return [0x09]
    case UInt8(ascii: "r"): return [0x0D]
    case UInt8(ascii: "b"): return [0x08]
    case UInt8(ascii: "f"): return [0x0C]
    case UInt8(ascii: "u"):
      let digits = String(decoding: bytes[at..<min(at + 4, bytes.count)], as: UTF8.self)
      guard digits.utf8.count == 4, let code = UInt32(digits, radix: 16),
        let scalar = Unicode.Scalar(code)
      else { throw error("not valid JSON: \\u\(digits) is no character; write it as UTF-8") }
      at += 4
      return Array(String(Character(scalar)).utf8)
    default: throw error("not valid JSON: \\ is followed by nothing that it can escape")
    }
  }
}
