import FoundationEssentials

/// Columns of text, numbers to the right.
struct TextTable {
  private var rows: [[String]] = []
  private let leftColumns: Int

  /// - Parameter leftColumns: how many columns, from the first, are set to the left.
  init(_ header: [String], leftColumns: Int = 1) {
    rows = [header]
    self.leftColumns = leftColumns
  }

  /// Adds a row; text of others in it becomes visible.
  mutating func add(_ row: [String]) { rows.append(row.map { visible($0) }) }

  /// The rows with two spaces between columns, without a newline behind the last.
  var text: String {
    let columns = rows.map(\.count).max() ?? 0
    let widths = (0..<columns).map { column in
      rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0
    }
    return rows.map { row in
      var line = ""
      for (column, cell) in row.enumerated() {
        if column > 0 { line += "  " }
        let padding = String(repeating: " ", count: widths[column] - cell.count)
        line += column < leftColumns ? cell + padding : padding + cell
      }
      return line.hasSuffix(" ") ? String(line.reversed().drop { $0 == " " }.reversed()) : line
    }.joined(separator: "\n")
  }
}

/// `value` with `places` digits behind the point, the same in every locale.
func decimals(_ value: Double, _ places: Int) -> String {
  guard value.isFinite else { return "-" }
  var scale = 1.0
  for _ in 0..<places { scale *= 10 }
  let scaled = (abs(value) * scale).rounded()
  guard scaled < 9e15 else { return "\(value)" }
  let digits = String(Int(scaled))
  let padded = String(repeating: "0", count: max(0, places + 1 - digits.count)) + digits
  let sign = value < 0 && scaled > 0 ? "-" : ""
  return sign + padded.dropLast(places) + (places > 0 ? "." + padded.suffix(places) : "")
}

/// `1234567` as `1,234,567`.
func grouped(_ value: some BinaryInteger) -> String {
  var result = ""
  for (index, digit) in String(value).reversed().enumerated() {
    if index > 0, index % 3 == 0, digit != "-" { result.append(",") }
    result.append(digit)
  }
  return String(result.reversed())
}

/// Bytes in the unit that keeps the number short, powers of ten.
func bytes(_ count: Int) -> String {
  let units = ["B", "kB", "MB", "GB", "TB"]
  var value = Double(count)
  var unit = 0
  while value >= 1000, unit < units.count - 1 {
    value /= 1000
    unit += 1
  }
  return decimals(value, unit == 0 ? 0 : 1) + " " + units[unit]
}

/// Seconds as `43 s`, `12 min` or `3 h 20 min`.
func duration(_ seconds: Double) -> String {
  guard seconds.isFinite, seconds < 1e9 else { return "?" }
  let whole = Int(seconds.rounded())
  if whole < 100 { return "\(whole) s" }
  let minutes = (whole + 30) / 60
  return minutes < 100 ? "\(minutes) min" : "\(minutes / 60) h \(minutes % 60) min"
}

/// `value` as JSON: sorted keys, indented for people who look.
func json(_ value: some Encodable) throws -> String {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
  return String(decoding: try encoder.encode(value), as: UTF8.self)
}
