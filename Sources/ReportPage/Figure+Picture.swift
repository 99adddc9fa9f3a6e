import Chart

extension Figure {
  /// The figure as an SVG file of its own: title, legend, and the page's colours for light and dark
  /// inside; nil where nothing is drawn.
  ///
  /// - Complexity: linear in the picture.
  public var picture: String? {
    guard let drawn = plot.svg, let size = Self.size(of: drawn) else { return nil }
    let legend = Self.legend(plot.legend, width: size.width)
    let top = 32 + legend.height
    let height = Int(size.height.rounded(.up)) + top
    let width = Int(size.width.rounded(.up))
    return """
      <svg xmlns="http://www.w3.org/2000/svg" width="\(width)" height="\(height)" \
      viewBox="0 0 \(width) \(height)" role="img" aria-label="\(escaped(title))" \
      font-family="system-ui, sans-serif">
      <style>\(ResearchReport.pictureStyle)</style>
      \(ResearchReport.filters)
      <rect class="sheet" width="100%" height="100%"/>
      <text class="value" x="8" y="20" font-weight="600">\(escaped(title))</text>
      \(legend.drawing)
      \(drawn.replacing("<svg ", with: "<svg y=\"\(top)\" width=\"\(width)\" height=\"\(height - top)\" ", maxReplacements: 1))
      </svg>

      """
  }

  /// Width and height of a drawing, by its `viewBox="0 0 W H"`.
  private static func size(of drawn: String) -> (width: Double, height: Double)? {
    guard let start = drawn.firstRange(of: "viewBox=\"")?.upperBound,
      let end = drawn[start...].firstIndex(of: "\"")
    else { return nil }
    let numbers = drawn[start..<end].split(separator: " ").compactMap { Double(String($0)) }
    return numbers.count == 4 ? (numbers[2], numbers[3]) : nil
  }

  /// The legend in rows of at most `width`, below the title, and the height of the rows.
  private static func legend(
    _ entries: [LegendEntry], width: Double
  ) -> (drawing: String, height: Int) {
    var (x, row) = (8.0, 0)
    var drawing = ""
    for entry in entries {
      // Letters of 12 pixels are seldom wider than 6.5.
      let extent = 24 + 6.5 * Double(entry.name.count) + 14
      if x > 8, x + extent > width { (x, row) = (8, row + 1) }
      let y = 32 + 18 * row
      drawing +=
        "<rect class=\"\(entry.style)\" x=\"\(Int(x))\" y=\"\(y)\" width=\"16\" height=\"8\" rx=\"2\"/>"
        + "<text class=\"text\" x=\"\(Int(x) + 21)\" y=\"\(y + 8)\">\(escaped(entry.name))</text>"
      x += extent
    }
    return (drawing, entries.isEmpty ? 0 : 18 * (row + 1))
  }
}

extension ResearchReport {
  /// The page's rules but for those that set pictures into the page.
  static var pictureStyle: String {
    style.split(separator: "\n").filter { !$0.hasPrefix("svg") }.joined(separator: "\n")
      + "\n.sheet { fill: var(--paper); stroke: none; }"
  }
}
