/// Reads the part of YAML that placements are written in: a mapping whose values are whole numbers, or
/// mappings from whole numbers to lists of them, `[1, 2]` on a line or several, or `- 1` a line.
///
/// Anything else (anchors, quotes, documents) is refused with its line.
struct IntegerYAML {
  /// A member's value.
  enum Value: Hashable {
    case number(Int)
    case lists([Int: [Int]])
  }

  private struct Line {
    let number: Int
    let indent: Int
    let text: Substring
  }

  private let input: PlacementInput
  private var lines: [Line] = []
  private var at = 0

  init(_ input: PlacementInput) { self.input = input }

  /// The members in order, each key once, and their lines.
  ///
  /// - Throws: ``PlacementError`` with the line that is not of this kind.
  mutating func members() throws(PlacementError) -> [(key: String, value: Value, line: Int)] {
    try split()
    var members: [(key: String, value: Value, line: Int)] = []
    while let line = next {
      guard line.indent == 0 else { throw error(line, "it is indented below nothing") }
      let (key, rest) = try keyed(line)
      guard !members.contains(where: { $0.key == key }) else {
        throw error(line, "'\(key)' is given twice")
      }
      at += 1
      if rest.isEmpty {
        members.append((key, .lists(try lists(below: 0)), line.number))
      } else if let number = Int(rest) {
        members.append((key, .number(number), line.number))
      } else {
        throw error(line, "'\(rest)' is no whole number")
      }
    }
    return members
  }

  private var next: Line? { at < lines.count ? lines[at] : nil }

  private mutating func split() throws(PlacementError) {
    guard let text = String(validating: input.bytes, as: UTF8.self) else {
      throw input.error("it is no text in UTF-8", remedy: "write the file again")
    }
    let rows = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    for (number, row) in rows.enumerated() {
      // Nothing here is quoted, so that a # is a comment.
      let content = row.prefix { $0 != "#" }
      let indent = content.prefix { $0 == " " }.count
      let trimmed = Self.trimmed(content)
      guard !trimmed.isEmpty, trimmed != "---" || number > 0 else { continue }
      lines.append(Line(number: number + 1, indent: indent, text: trimmed))
    }
  }

  private static func trimmed(_ text: Substring) -> Substring {
    var text = text.drop { $0 == " " || $0 == "\t" }
    while let last = text.last, last == " " || last == "\t" { text.removeLast() }
    return text
  }

  private func keyed(_ line: Line) throws(PlacementError) -> (key: String, rest: Substring) {
    guard let colon = line.text.firstIndex(of: ":") else {
      throw error(line, "it is no 'key: value'")
    }
    return (
      String(line.text[..<colon]), Self.trimmed(line.text[line.text.index(after: colon)...])
    )
  }

  /// A mapping of lists, indented by more than `indent`.
  private mutating func lists(below indent: Int) throws(PlacementError) -> [Int: [Int]] {
    var lists: [Int: [Int]] = [:]
    while let line = next, line.indent > indent {
      let (key, rest) = try keyed(line)
      guard let number = Int(key) else { throw error(line, "'\(key)' is no layer's number") }
      at += 1
      let list = try rest.isEmpty ? dashes(line) : flow(rest, line)
      guard lists.updateValue(list, forKey: number) == nil else {
        throw error(line, "layer \(number) is given twice")
      }
    }
    return lists
  }

  /// `[1, 2, 3]`, which may go on over several lines.
  private mutating func flow(
    _ beginning: Substring, _ line: Line
  ) throws(PlacementError) -> [Int] {
    var text = String(beginning)
    var last = beginning
    while !last.contains("]"), let more = next {
      last = more.text
      text += " " + last
      at += 1
    }
    guard text.first == "[", text.last == "]" else { throw error(line, "its list is not closed") }
    let inner = Self.trimmed(text.dropFirst().dropLast())
    guard !inner.isEmpty else { return [] }
    var list: [Int] = []
    for part in inner.split(separator: ",", omittingEmptySubsequences: false) {
      list.append(try number(Self.trimmed(part), line))
    }
    return list
  }

  /// `- 1`, a line a number, at the key's indentation or behind it.
  private mutating func dashes(_ key: Line) throws(PlacementError) -> [Int] {
    var list: [Int] = []
    while let line = next, line.indent >= key.indent, line.text.hasPrefix("-") {
      list.append(try number(Self.trimmed(line.text.dropFirst()), line))
      at += 1
    }
    return list
  }

  private func number(_ text: Substring, _ line: Line) throws(PlacementError) -> Int {
    guard let number = Int(text) else { throw error(line, "'\(text)' is no expert's number") }
    return number
  }

  private func error(_ line: Line, _ problem: String) -> PlacementError {
    input.error(
      "line \(line.number): \(problem)",
      remedy: "write whole numbers, and a list of experts for every layer")
  }
}
