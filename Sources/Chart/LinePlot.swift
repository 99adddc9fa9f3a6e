/// Lines, points or columns over an axis of numbers, as SVG of a width that is read on a telephone.
///
/// ```swift
/// let plot = LinePlot(
///   "Recall", x: .init("model layer", key: "layer", format: .plain(0), isWhole: true),
///   y: .init("recall@8 (%)", key: "recall", format: .percent, shows: [0]),
///   series: [.init("mixture", color: 0, [.init(1, 0.5), .init(2, nil), .init(3, 0.7)])])
/// if let svg = plot.svg { page += svg }
/// ```
public struct LinePlot: Plot {
  /// One value, and how sure it is.
  public struct Point: Hashable, Sendable {
    /// Where along the plot.
    public var x: Double
    /// How high; nil where nothing was measured.
    public var y: Double?
    /// The ends of its interval, where it has one.
    public var interval: ClosedRange<Double>?
    /// What is said of it beside its values.
    public var note: String?

    /// A value, nil where nothing was measured.
    public init(
      _ x: Double, _ y: Double?, _ interval: ClosedRange<Double>? = nil, note: String? = nil
    ) {
      self.x = x
      self.y = y
      self.interval = interval
      self.note = note
    }
  }

  /// How a series is drawn.
  public enum Mark: Hashable, Sendable {
    /// A line with a dot at every value.
    case line
    /// A dashed thin line: what others are held against.
    case reference
    /// Dots alone.
    case points
    /// A column from the foot at every value.
    case columns
  }

  /// Values of one name.
  public struct Series: Hashable, Sendable {
    /// What the legend calls it.
    public var name: String
    /// The n of its class `sn`.
    public var color: Int
    /// How it is drawn.
    public var mark: Mark
    /// From left to right.
    public var points: [Point]

    /// A line of one name.
    public init(_ name: String, color: Int, _ points: [Point]) {
      self.init(name, color: color, .line, points)
    }

    /// Values of one name.
    public init(_ name: String, color: Int, _ mark: Mark, _ points: [Point]) {
      self.name = name
      self.color = color
      self.mark = mark
      self.points = points
    }

    /// Its classes.
    var style: String { "s\(color)" + (mark == .reference ? " reference" : "") }
  }

  /// What it shows, for those who do not see it.
  public var title: String
  /// Along the foot, and up the left edge.
  public var x: Axis
  public var y: Axis
  /// In the order of the legend; those without any value are left out.
  public var series: [Series]
  /// Whether a cursor marks the place of the layer that readers have chosen.
  public var followsLayer: Bool

  static let (width, height) = (400.0, 228.0)
  private static let (left, right, top, bottom) = (44.0, 10.0, 26.0, 40.0)

  /// A plot.
  public init(
    _ title: String, x: Axis, y: Axis, series: [Series], followsLayer: Bool = false
  ) {
    self.title = title
    (self.x, self.y) = (x, y)
    self.series = series.filter { $0.points.contains { $0.y.map(y.hasPlace) ?? false } }
    self.followsLayer = followsLayer
  }

  public var legend: [LegendEntry] {
    series.count > 1 ? series.map { LegendEntry($0.name, style: $0.style) } : []
  }

  public var data: PlotData {
    let hasIntervals = series.contains { $0.points.contains { $0.interval != nil } }
    let columns = ["series", x.key, y.key] + (hasIntervals ? ["low", "high"] : [])
    let rows = series.flatMap { series in
      series.points.map { point -> [PlotValue] in
        let place = x.isWhole ? PlotValue.integer(Int(point.x)) : .number(point.x)
        let ends = [point.interval?.lowerBound, point.interval?.upperBound].map { PlotValue($0) }
        return [.text(series.name), place, PlotValue(point.y)] + (hasIntervals ? ends : [])
      }
    }
    return PlotData(columns: columns, rows: rows)
  }

  /// - Complexity: linear in the values.
  public var svg: String? {
    let points = series.flatMap(\.points).filter { point in
      x.hasPlace(point.x) && (point.y.map(y.hasPlace) ?? false)
    }
    guard let across = x.scale(points.map(\.x) + columnEdges, isTight: true),
      let up = y.scale(
        points.flatMap { [$0.y, $0.interval?.lowerBound, $0.interval?.upperBound] }
          .compactMap { $0 }, isTight: false)
    else { return nil }
    let frame = Frame(across: across, up: up)
    var parts = [opening(frame)] + grid(frame)
    for series in series { parts += drawn(series, frame) }
    if followsLayer {
      parts.append(
        "<line class=\"cursor\" y1=\"\(pixels(Self.top))\" "
          + "y2=\"\(pixels(Self.height - Self.bottom))\" x1=\"-9\" x2=\"-9\"/>")
    }
    return (parts + ["</svg>"]).joined(separator: "\n")
  }

  /// The outer edges of columns, half a step beyond the first and the last.
  private var columnEdges: [Double] {
    series.filter { $0.mark == .columns }.flatMap { series -> [Double] in
      let places = series.points.map(\.x)
      guard let first = places.first, let last = places.last, places.count > 1 else { return [] }
      let half = (last - first) / Double(places.count - 1) / 2
      return [first - half, last + half]
    }
  }

  /// Where values stand in the picture.
  private struct Frame {
    let across: Scale
    let up: Scale

    func x(_ value: Double) -> Double {
      LinePlot.left + across.place(value) * (LinePlot.width - LinePlot.left - LinePlot.right)
    }

    func y(_ value: Double) -> Double {
      LinePlot.height - LinePlot.bottom
        - up.place(value) * (LinePlot.height - LinePlot.top - LinePlot.bottom)
    }
  }

  /// The first tag; where layers stand is told for the page's script.
  private func opening(_ frame: Frame) -> String {
    let layers =
      followsLayer
      ? " data-layer0=\"\(pixels(frame.x(0)))\" data-step=\"\(frame.x(1) - frame.x(0))\"" : ""
    return "<svg viewBox=\"0 0 \(pixels(Self.width)) \(pixels(Self.height))\" role=\"img\" "
      + "aria-label=\"\(escaped(title))\"\(layers)>"
  }

  private func grid(_ frame: Frame) -> [String] {
    let foot = Self.height - Self.bottom
    var parts: [String] = []
    for tick in frame.up.ticks {
      let height = pixels(frame.y(tick))
      parts.append(
        "<line class=\"grid\" x1=\"\(pixels(Self.left))\" "
          + "x2=\"\(pixels(Self.width - Self.right))\" y1=\"\(height)\" y2=\"\(height)\"/>"
          + "<text class=\"text\" text-anchor=\"end\" dominant-baseline=\"middle\" "
          + "x=\"\(pixels(Self.left - 6))\" y=\"\(height)\">\(escaped(y.format.tick(tick)))</text>")
    }
    for tick in frame.across.ticks {
      parts.append(
        "<text class=\"text\" text-anchor=\"middle\" x=\"\(pixels(frame.x(tick)))\" "
          + "y=\"\(pixels(foot + 15))\">\(escaped(x.format.tick(tick)))</text>")
    }
    return parts + [
      "<line class=\"axis\" x1=\"\(pixels(Self.left))\" x2=\"\(pixels(Self.width - Self.right))\" "
        + "y1=\"\(pixels(foot))\" y2=\"\(pixels(foot))\"/>",
      "<text class=\"title\" x=\"2\" y=\"12\">\(escaped(y.title))</text>",
      "<text class=\"title\" text-anchor=\"end\" x=\"\(pixels(Self.width - Self.right))\" "
        + "y=\"\(pixels(Self.height - 6))\">\(escaped(x.title))</text>",
    ]
  }

  private func drawn(_ series: Series, _ frame: Frame) -> [String] {
    let shown = series.points.map { point in
      point.y.flatMap { x.hasPlace(point.x) && y.hasPlace($0) ? (point, $0) : nil }
    }
    var parts = bands(series, shown.compactMap { $0?.0 }, frame)
    if series.mark == .line || series.mark == .reference {
      // A stretch ends where nothing was measured.
      for stretch in shown.split(whereSeparator: { $0 == nil }) where stretch.count > 1 {
        let points = stretch.compactMap { $0 }.map {
          "\(pixels(frame.x($0.0.x))),\(pixels(frame.y($0.1)))"
        }
        parts.append(
          "<polyline class=\"\(series.style)\" points=\"\(points.joined(separator: " "))\"/>")
      }
    }
    let known = shown.compactMap { $0 }
    if series.mark == .columns { return parts + columns(series, known.map(\.0), frame) }
    let radius =
      series.mark == .points ? 4.0 : series.mark == .reference ? 1.2 : known.count > 40 ? 1.6 : 2.4
    return parts
      + known.map { point, value in
        "<circle class=\"\(series.style)\" cx=\"\(pixels(frame.x(point.x)))\" "
          + "cy=\"\(pixels(frame.y(value)))\" r=\"\(pixels(radius))\">"
          + tip(series, point) + "</circle>"
      }
  }

  /// Intervals as a band behind a line, or as whiskers at dots.
  private func bands(_ series: Series, _ points: [Point], _ frame: Frame) -> [String] {
    let sure = points.compactMap { point in point.interval.map { (point.x, $0) } }
    guard !sure.isEmpty else { return [] }
    guard series.mark == .line, sure.count > 1 else {
      return sure.map { place, interval in
        "<line class=\"\(series.style) whisker\" x1=\"\(pixels(frame.x(place)))\" "
          + "x2=\"\(pixels(frame.x(place)))\" y1=\"\(pixels(frame.y(interval.lowerBound)))\" "
          + "y2=\"\(pixels(frame.y(interval.upperBound)))\"/>"
      }
    }
    let edge =
      sure.map { "\(pixels(frame.x($0.0))),\(pixels(frame.y($0.1.upperBound)))" }
      + sure.reversed().map { "\(pixels(frame.x($0.0))),\(pixels(frame.y($0.1.lowerBound)))" }
    return ["<polygon class=\"\(series.style) band\" points=\"\(edge.joined(separator: " "))\"/>"]
  }

  private func columns(_ series: Series, _ points: [Point], _ frame: Frame) -> [String] {
    let places = points.map { frame.x($0.x) }
    let apart = zip(places, places.dropFirst()).map { $1 - $0 }.min() ?? 40
    let width = max(1, min(28, apart * 0.8))
    let foot = Self.height - Self.bottom
    let base = y.isLogarithmic || frame.up.place(0) < 0 ? foot : frame.y(0)
    return points.map { point in
      let height = frame.y(point.y ?? 0)
      return "<rect class=\"\(series.style)\" x=\"\(pixels(frame.x(point.x) - width / 2))\" "
        + "y=\"\(pixels(min(height, base)))\" width=\"\(pixels(width))\" "
        + "height=\"\(pixels(abs(base - height)))\">\(tip(series, point))</rect>"
    }
  }

  private func tip(_ series: Series, _ point: Point) -> String {
    let name = x.title.prefix { $0 != "(" }.trimmed
    var text = "\(series.name), \(name) \(x.format.text(point.x)): \(y.format.text(point.y ?? 0))"
    if let interval = point.interval {
      text +=
        " (\(y.format.text(interval.lowerBound)) to \(y.format.text(interval.upperBound)))"
    }
    if let note = point.note { text += ", " + note }
    return "<title>\(escaped(text))</title>"
  }
}

extension Substring {
  /// Without the blanks behind it.
  fileprivate var trimmed: String {
    var text = self
    while text.last == " " { text.removeLast() }
    return String(text)
  }
}
