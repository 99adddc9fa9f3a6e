/// A matrix in shades, a pixel a cell, as SVG with the image inside.
///
/// ```swift
/// let map = Heatmap(
///   "Choices after an expert", rowAxis: "expert before", columnAxis: "expert", cells: shares,
///   most: 0.1, text: { "\(100 * $0) %" })
/// if let svg = map.svg { page += svg }
/// ```
public struct Heatmap {
  /// What it shows, for those who do not see it.
  public var title: String
  /// What the rows are.
  public var rowAxis: String
  /// What the columns are.
  public var columnAxis: String
  /// Rows of cells, each from 0 to ``most`` or beyond.
  public var cells: [[Double]]
  /// The value of the darkest shade.
  public var most: Double
  /// How a value is written.
  public var text: (Double) -> String

  /// A heatmap with a scale below it that ends at `most`.
  ///
  /// - Parameters:
  ///   - cells: rows of one length.
  ///   - most: the value of the darkest shade, above 0.
  ///   - text: how a value is written.
  public init(
    _ title: String, rowAxis: String, columnAxis: String, cells: [[Double]], most: Double,
    text: @escaping (Double) -> String
  ) {
    self.title = title
    self.rowAxis = rowAxis
    self.columnAxis = columnAxis
    self.cells = cells
    self.most = most
    self.text = text
  }

  private static let side = 320.0
  private static let margin = 22.0

  /// The heatmap, or nil where it has no cells, rows of several lengths, or no shade above the
  /// lightest.
  ///
  /// - Complexity: linear in the cells, which the image compresses.
  public var svg: String? {
    guard let columns = cells.first?.count, columns > 0, most > 0,
      cells.allSatisfy({ $0.count == columns })
    else { return nil }
    let shades = cells.joined().map { value in
      UInt8((max(0, min(1, value / most)) * 255).rounded())
    }
    let image = PNGImage(width: columns, shades: shades)
    let (side, margin) = (pixels(Self.side), pixels(Self.margin))
    let far = pixels(Self.margin + Self.side)
    let scale = PNGImage(width: 256, shades: (0...255).map(UInt8.init))
    let below = Self.margin + Self.side
    return """
      <svg viewBox="0 0 \(pixels(Self.side + 2 * Self.margin)) \(pixels(below + 56))" role="img" \
      aria-label="\(escaped(title))">
      <image class="cells" x="\(margin)" y="\(margin)" width="\(side)" height="\(side)" \
      preserveAspectRatio="none" href="\(image.address)"/>
      <rect class="frame" x="\(margin)" y="\(margin)" width="\(side)" height="\(side)"/>
      <text class="text" x="\(margin)" y="14">\(escaped(columnAxis)), 0 to \(columns - 1)</text>
      <text class="text" transform="translate(14 \(far)) rotate(-90)">\
      \(escaped(rowAxis)), 0 to \(cells.count - 1), from the top</text>
      <image class="cells" x="\(margin)" y="\(pixels(below + 12))" width="160" height="12" \
      preserveAspectRatio="none" href="\(scale.address)"/>
      <rect class="frame" x="\(margin)" y="\(pixels(below + 12))" width="160" height="12"/>
      <text class="text" x="\(margin)" y="\(pixels(below + 40))">\(escaped(text(0)))</text>
      <text class="text" text-anchor="end" x="\(pixels(Self.margin + 160))" \
      y="\(pixels(below + 40))">\(escaped(text(most))) and more</text>
      </svg>
      """
  }
}
