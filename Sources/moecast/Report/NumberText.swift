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

/// The same with its thousands apart: `12345.678` as `12,345.7`.
func groupedDecimals(_ value: Double, _ places: Int) -> String {
  let text = decimals(value, places)
  let digits = text.prefix { $0.isNumber || $0 == "-" }
  guard let whole = Int(digits), abs(whole) >= 1000 else { return text }
  return grouped(whole) + text.dropFirst(digits.count)
}

/// A size in gigabytes with so many places, or as many as show that it is not nothing.
func gigabytes(_ bytes: Double, places: Int) -> String {
  let value = bytes * 1e-9
  guard value > 0 else { return groupedDecimals(value, places) }
  let enough = (places..<10).first { decimals(value, $0).contains { "123456789".contains($0) } }
  return groupedDecimals(value, enough ?? places)
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

/// A number and what it counts, in words: `1 token`, `2,000 tokens`.
func counted(_ count: some BinaryInteger, _ noun: String) -> String {
  "\(grouped(count)) \(noun)\(count == 1 ? "" : "s")"
}

/// Values as a row of bars, from the least to the greatest of them; a blank where there is none.
func sparkline(_ values: [Double?]) -> String {
  let bars = Array("▁▂▃▄▅▆▇█")
  let known = values.compactMap(\.self).filter(\.isFinite)
  guard let least = known.min(), let most = known.max() else { return "" }
  return String(
    values.map { value in
      guard let value, value.isFinite else { return " " }
      guard most > least else { return bars[bars.count / 2] }
      return bars[Int(((value - least) / (most - least) * Double(bars.count - 1)).rounded())]
    })
}

/// As many values as fit into `count` bars, means of neighbours.
func condensed(_ values: [Double], to count: Int) -> [Double] {
  guard values.count > count, count > 0 else { return values }
  return (0..<count).map { bar in
    let part = values[bar * values.count / count..<(bar + 1) * values.count / count]
    return part.reduce(0, +) / Double(part.count)
  }
}
