import Glibc

/// Groups of bars, as an SVG file of its own.
///
/// ```swift
/// let chart = BarChart(
///   "Throughput", axis: "x base", names: ["ep", "allo"],
///   groups: [.init("dojo 4096", [5.2, 5.6])], isLogarithmic: false)
/// page += chart.svg
/// ```
public struct BarChart {
  /// Bars side by side.
  public struct Group {
    /// What stands below them.
    public var label: String
    /// One a name; nil where there is none.
    public var values: [Double?]

    /// Bars side by side.
    public init(_ label: String, _ values: [Double?]) {
      self.label = label
      self.values = values
    }
  }

  /// What it shows.
  public var title: String
  /// What the values are.
  public var axis: String
  /// What the legend calls the bars of every group.
  public var names: [String]
  /// From left to right.
  public var groups: [Group]
  /// Whether heights are logarithms; values up to 0 have no bar then.
  public var isLogarithmic: Bool

  private static let (right, top, height) = (16.0, 62.0, 240.0)
  /// Room for the labels below, which lean to the left.
  private var bottom: Double { 30 + 4.4 * Double(groups.map(\.label.count).max() ?? 0) }
  private var left: Double { max(64, 5.2 * Double(groups.first?.label.count ?? 0)) }
  private static let (bar, gap) = (12.0, 18.0)
  /// Told apart in grey too: from light to dark.
  private static let colors = ["#f2b56b", "#7fb7d6", "#d9734e", "#4a82b0", "#8c2f39", "#26415e"]

  /// A chart.
  ///
  /// - Parameters:
  ///   - axis: what the values are.
  ///   - names: one a bar of a group; colours repeat after six.
  public init(
    _ title: String, axis: String, names: [String], groups: [Group], isLogarithmic: Bool
  ) {
    self.title = title
    self.axis = axis
    self.names = names
    self.groups = groups
    self.isLogarithmic = isLogarithmic
  }

  /// The file's text.
  ///
  /// - Complexity: linear in the values.
  public var svg: String {
    let group = Double(names.count) * Self.bar + Self.gap
    let width = max(480, left + group * Double(groups.count) + Self.right)
    let full = Self.top + Self.height + bottom
    let scale = Scale(groups.flatMap { $0.values.compactMap { $0 } }, isLogarithmic)
    return svgFile(
      title, width: width, height: full,
      [legend, grid(scale, to: width - Self.right)]
        + groups.indices.map { bars($0, group, scale) })
  }

  /// Where values stand: 0 at the foot and 1 at the top.
  private struct Scale {
    let ticks: [Double]
    private let isLogarithmic: Bool

    init(_ values: [Double], _ isLogarithmic: Bool) {
      self.isLogarithmic = isLogarithmic
      let values = values.filter { $0.isFinite && (!isLogarithmic || $0 > 0) }
      let (least, most) = (values.min() ?? 1, values.max() ?? 1)
      guard isLogarithmic else {
        ticks = Ticks(from: min(0, least), to: max(most, 0)).values
        return
      }
      let low = Int(log10(least).rounded(.down))
      let high = max(low + 1, Int(log10(most).rounded(.up)))
      ticks = (low...high).map { pow(10, Double($0)) }
    }

    func place(_ value: Double) -> Double {
      let (low, high) = (ticks[0], ticks[ticks.count - 1])
      return isLogarithmic
        ? (log10(value) - log10(low)) / (log10(high) - log10(low)) : (value - low) / (high - low)
    }
  }

  private func y(_ place: Double) -> Double { Self.top + Self.height * (1 - place) }

  private func grid(_ scale: Scale, to end: Double) -> String {
    let lines = scale.ticks.map { tick in
      let y = pixels(y(scale.place(tick)))
      let text = tick == tick.rounded() ? "\(Int(tick))" : "\((tick * 1000).rounded() / 1000)"
      return """
        <line x1="\(pixels(left))" x2="\(pixels(end))" y1="\(y)" y2="\(y)" stroke="#dfe3e8"/>
        <text x="\(pixels(left - 8))" y="\(y)" text-anchor="end" \
        dominant-baseline="middle" fill="#5b636c">\(text)</text>
        """
    }
    let middle = pixels(Self.top + Self.height / 2)
    return lines.joined(separator: "\n") + "\n"
      + "<text transform=\"translate(14 \(middle)) rotate(-90)\" text-anchor=\"middle\" "
      + "fill=\"#5b636c\">\(escaped(axis))</text>"
  }

  private func bars(_ index: Int, _ width: Double, _ scale: Scale) -> String {
    let group = groups[index]
    let first = left + Self.gap / 2 + width * Double(index)
    let foot = y(isLogarithmic ? 0 : scale.place(0))
    let rects = group.values.enumerated().compactMap { place, value -> String? in
      guard let value, value.isFinite, !isLogarithmic || value > 0 else { return nil }
      let top = y(scale.place(value))
      return """
        <rect x="\(pixels(first + Double(place) * Self.bar))" y="\(pixels(min(top, foot)))" \
        width="\(pixels(Self.bar - 1))" height="\(pixels(abs(foot - top)))" \
        fill="\(color(place))"><title>\(escaped(group.label)), \(escaped(names[place])): \
        \((value * 1000).rounded() / 1000)</title></rect>
        """
    }
    let middle = pixels(first + Double(names.count) * Self.bar / 2 + 4)
    let label = pixels(Self.top + Self.height + 12)
    return rects.joined(separator: "\n") + "\n"
      + "<text transform=\"translate(\(middle) \(label)) rotate(-38)\" text-anchor=\"end\" "
      + "fill=\"#1b1f24\">\(escaped(group.label))</text>"
  }

  private var legend: String {
    var x = 10.0
    return names.enumerated().map { place, name in
      defer { x += 30 + 7 * Double(name.count) }
      return "<rect x=\"\(pixels(x))\" y=\"34\" width=\"12\" height=\"12\" "
        + "fill=\"\(color(place))\"/>"
        + "<text x=\"\(pixels(x + 17))\" y=\"44\" fill=\"#1b1f24\">\(escaped(name))</text>"
    }.joined(separator: "\n")
  }

  private func color(_ place: Int) -> String { Self.colors[place % Self.colors.count] }
}
