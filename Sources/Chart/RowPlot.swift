/// Bars that lie, a row each, their names to the left: lengths that are compared, or made up of
/// parts, as SVG.
///
/// ```swift
/// let plot = RowPlot(
///   "Recall", value: .init("recall@8 (%)", key: "recall", format: .percent, shows: [0]),
///   rows: [.init("mixture", [0.72], interval: 0.70...0.74), .init("frequency", [0.14])])
/// ```
public struct RowPlot: Plot {
  /// One bar.
  public struct Row: Hashable, Sendable {
    /// What it is called.
    public var name: String
    /// The lengths of its parts, one a part of the plot; nil where there is none.
    public var parts: [Double?]
    /// The ends of the interval of their sum.
    public var interval: ClosedRange<Double>?
    /// The n of its class `sn` where the bar has one part.
    public var color: Int
    /// Whether it is what others are held against.
    public var isReference: Bool

    /// A bar.
    public init(
      _ name: String, _ parts: [Double?], interval: ClosedRange<Double>? = nil, color: Int = 0,
      isReference: Bool = false
    ) {
      self.name = name
      self.parts = parts
      self.interval = interval
      self.color = color
      self.isReference = isReference
    }

    var sum: Double? {
      let known = parts.compactMap { $0 }.filter(\.isFinite)
      return known.isEmpty ? nil : known.reduce(0, +)
    }
  }

  /// What it shows, for those who do not see it.
  public var title: String
  /// What lengths are.
  public var value: Axis
  /// What the parts of every bar are called; one without a name where bars have one part.
  public var parts: [String]
  /// What a row is, for programs.
  public var rowKey: String
  /// From above.
  public var rows: [Row]

  private static let (width, row, top) = (400.0, 22.0, 20.0)

  /// Bars of `rows`; those without a length are left out.
  public init(
    _ title: String, value: Axis, parts: [String] = [""], rowKey: String = "name", rows: [Row]
  ) {
    self.title = title
    self.value = value
    self.parts = parts
    self.rowKey = rowKey
    self.rows = rows.filter { $0.sum.map(value.hasPlace) ?? false }
  }

  public var legend: [LegendEntry] {
    parts.count > 1 ? parts.enumerated().map { LegendEntry($1, style: "s\($0)") } : []
  }

  public var data: PlotData {
    let hasIntervals = rows.contains { $0.interval != nil }
    if parts.count > 1 {
      return PlotData(
        columns: [rowKey, "part", value.key],
        rows: rows.flatMap { row in
          zip(parts, row.parts).map { [.text(row.name), .text($0), PlotValue($1)] }
        })
    }
    return PlotData(
      columns: [rowKey, value.key] + (hasIntervals ? ["low", "high"] : []),
      rows: rows.map { row in
        let ends = [row.interval?.lowerBound, row.interval?.upperBound].map { PlotValue($0) }
        return [.text(row.name), PlotValue(row.sum)] + (hasIntervals ? ends : [])
      })
  }

  /// Room for the names, by the longest.
  private var left: Double {
    min(176, 10 + 7 * Double(rows.map(\.name.count).max() ?? 0))
  }
  /// Room for the values behind the bars.
  private var right: Double {
    10 + 7 * Double(rows.map { value.format.text($0.sum ?? 0).count }.max() ?? 0)
  }

  /// - Complexity: linear in the values.
  public var svg: String? {
    let sums = rows.compactMap(\.sum)
    let ends = rows.compactMap(\.interval).flatMap { [$0.lowerBound, $0.upperBound] }
    let zero = value.isLogarithmic ? [] : [0.0]
    guard !rows.isEmpty, let scale = value.scale(sums + ends + zero, isTight: true) else {
      return nil
    }
    let height = Self.top + Self.row * Double(rows.count) + 4
    func x(_ length: Double) -> Double {
      left + max(0, scale.place(length)) * (Self.width - left - right)
    }
    var drawing = [
      "<svg viewBox=\"0 0 \(pixels(Self.width)) \(pixels(height))\" role=\"img\" "
        + "aria-label=\"\(escaped(title))\">",
      "<text class=\"title\" x=\"\(pixels(left))\" y=\"12\">\(escaped(value.title))</text>",
    ]
    for (index, row) in rows.enumerated() {
      drawing.append(bar(row, y: Self.top + Self.row * Double(index), x: x))
    }
    return (drawing + ["</svg>"]).joined(separator: "\n")
  }

  private func bar(_ row: Row, y: Double, x: (Double) -> Double) -> String {
    let middle = pixels(y + Self.row / 2)
    let foot = value.isLogarithmic ? left : x(0)
    var parts = [
      "<text class=\"value\" dominant-baseline=\"middle\" text-anchor=\"end\" "
        + "x=\"\(pixels(left - 8))\" y=\"\(middle)\">\(escaped(row.name))</text>"
    ]
    var (begin, sum) = (foot, 0.0)
    for (index, length) in row.parts.enumerated() {
      guard let length, length.isFinite, value.isLogarithmic || length != 0 else { continue }
      sum += length
      let end = x(sum)
      let style =
        self.parts.count > 1 ? "s\(index)" : "s\(row.color)" + (row.isReference ? " pale" : "")
      let name = self.parts.count > 1 ? "\(row.name), \(self.parts[index])" : row.name
      parts.append(
        "<rect class=\"\(style)\" x=\"\(pixels(min(begin, end)))\" y=\"\(pixels(y + 4))\" "
          + "width=\"\(pixels(max(0.5, abs(end - begin))))\" height=\"\(pixels(Self.row - 8))\">"
          + "<title>\(escaped("\(name): \(value.format.text(length))"))</title></rect>")
      begin = end
    }
    var last = max(begin, foot)
    if let interval = row.interval {
      let (low, high) = (x(interval.lowerBound), x(interval.upperBound))
      last = max(last, high)
      parts.append(
        "<path class=\"whisker\" d=\"M\(pixels(low)) \(pixels(y + 7))V\(pixels(y + 15))"
          + "M\(pixels(low)) \(middle)H\(pixels(high))M\(pixels(high)) \(pixels(y + 7))"
          + "V\(pixels(y + 15))\"><title>"
          + escaped(
            "\(row.name): 95 % interval \(value.format.text(interval.lowerBound)) to "
              + value.format.text(interval.upperBound)) + "</title></path>")
    }
    parts.append(
      "<text class=\"value\" dominant-baseline=\"middle\" x=\"\(pixels(last + 5))\" y=\"\(middle)\">"
        + escaped(value.format.text(row.sum ?? 0)) + "</text>")
    return parts.joined(separator: "\n")
  }
}
