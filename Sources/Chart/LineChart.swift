/// Lines over the layers of a model, as SVG.
///
/// ```swift
/// let chart = LineChart(
///   "Recall", axis: "model layer", places: [1, 2, 3],
///   lines: [.init("mixture", [0.5, nil, 0.7], color: 0)], text: { "\($0)" })
/// if let svg = chart.svg { page += svg }
/// ```
///
/// Colours are the classes `line-0`, `line-1`, ... and `axis`, `grid` and `text`, which the page's
/// style sheet sets, so that a page has one palette for light and dark.
public struct LineChart {
  /// One line; nil where nothing was measured.
  public struct Line {
    /// What the legend calls it.
    public var name: String
    /// One a place of the axis.
    public var values: [Double?]
    /// The n of its class `line-n`.
    public var color: Int
    /// Whether it is what the others are held against.
    public var isReference: Bool

    /// - Precondition: as many values as the chart has places.
    public init(_ name: String, _ values: [Double?], color: Int, isReference: Bool = false) {
      self.name = name
      self.values = values
      self.color = color
      self.isReference = isReference
    }
  }

  /// What it shows, for those who do not see it.
  public var title: String
  /// What the places are, such as "model layer".
  public var axis: String
  /// The places' numbers.
  public var places: [Int]
  /// In the order of the legend; those without any value are left out.
  public var lines: [Line]
  /// How a value is written.
  public var text: (Double) -> String

  private static let (width, height) = (760.0, 260.0)
  private static let (left, right, top, bottom) = (64.0, 12.0, 30.0, 40.0)

  /// - Parameter text: how a value is written.
  public init(
    _ title: String, axis: String, places: [Int], lines: [Line],
    text: @escaping (Double) -> String
  ) {
    self.title = title
    self.axis = axis
    self.places = places
    self.lines = lines.filter { $0.values.contains { $0 != nil } }
    self.text = text
  }

  /// The chart, or nil where there is nothing to draw.
  ///
  /// - Complexity: linear in the values.
  public var svg: String? {
    let values = lines.flatMap { $0.values.compactMap { $0 } }
    guard let most = values.max(), let least = values.min(), most.isFinite, least.isFinite else {
      return nil
    }
    let ticks = Ticks(from: min(0, least), to: most)
    var parts = [
      "<svg viewBox=\"0 0 \(pixels(Self.width)) \(pixels(Self.height))\" role=\"img\" "
        + "aria-label=\"\(escaped(title))\">"
    ]
    for tick in ticks.values {
      let y = pixels(height(of: tick, ticks))
      parts.append(
        "<line class=\"grid\" x1=\"\(pixels(Self.left))\" "
          + "x2=\"\(pixels(Self.width - Self.right))\" y1=\"\(y)\" y2=\"\(y)\"/>")
      parts.append(
        "<text class=\"text\" text-anchor=\"end\" dominant-baseline=\"middle\" "
          + "x=\"\(pixels(Self.left - 8))\" y=\"\(y)\">\(escaped(text(tick)))</text>")
    }
    parts += placeLabels + legend
    for line in lines { parts += drawn(line, ticks) }
    parts.append("</svg>")
    return parts.joined(separator: "\n")
  }

  private func drawn(_ line: Line, _ ticks: Ticks) -> [String] {
    let style = "line-\(line.color)" + (line.isReference ? " reference" : "")
    var parts: [String] = []
    var stretch: [String] = []
    func end() {
      if stretch.count > 1 {
        parts.append("<polyline class=\"\(style)\" points=\"\(stretch.joined(separator: " "))\"/>")
      }
      stretch = []
    }
    var points: [String] = []
    for (index, value) in line.values.enumerated() {
      guard let value else {
        end()
        continue
      }
      let (x, y) = (pixels(place(index)), pixels(height(of: value, ticks)))
      stretch.append("\(x),\(y)")
      points.append(
        "<circle class=\"\(style)\" cx=\"\(x)\" cy=\"\(y)\" "
          + "r=\"\(line.isReference ? 1.5 : 2.5)\"><title>"
          + escaped("\(line.name), \(axis) \(places[index]): \(text(value))") + "</title></circle>")
    }
    end()
    return parts + points
  }

  /// Numbers below the axis, as many as there is room for, and what they are.
  private var placeLabels: [String] {
    let every = max(1, (places.count + 14) / 15)
    let y = pixels(Self.height - Self.bottom + 16)
    var parts = places.indices.filter { $0 % every == 0 }.map {
      "<text class=\"text\" text-anchor=\"middle\" x=\"\(pixels(place($0)))\" y=\"\(y)\">"
        + "\(places[$0])</text>"
    }
    parts.append(
      "<text class=\"text\" text-anchor=\"end\" x=\"\(pixels(Self.width - Self.right))\" "
        + "y=\"\(pixels(Self.height - 6))\">\(escaped(axis))</text>")
    return parts
  }

  private var legend: [String] {
    var x = Self.left
    return lines.flatMap { line in
      let style = "line-\(line.color)" + (line.isReference ? " reference" : "")
      defer { x += 36 + 7.2 * Double(line.name.count) }
      return [
        "<line class=\"\(style)\" x1=\"\(pixels(x))\" x2=\"\(pixels(x + 20))\" "
          + "y1=\"12\" y2=\"12\"/>",
        "<text class=\"text\" dominant-baseline=\"middle\" x=\"\(pixels(x + 26))\" y=\"12\">"
          + escaped(line.name) + "</text>",
      ]
    }
  }

  private func place(_ index: Int) -> Double {
    let width = Self.width - Self.left - Self.right - 16
    guard places.count > 1 else { return Self.left + 8 + width / 2 }
    return Self.left + 8 + width * Double(index) / Double(places.count - 1)
  }

  private func height(of value: Double, _ ticks: Ticks) -> Double {
    let share = (value - ticks.low) / (ticks.high - ticks.low)
    return Self.height - Self.bottom - share * (Self.height - Self.top - Self.bottom)
  }
}
