/// A matrix in shades as SVG with the image inside; of several, such as one a layer, the page shows
/// the one that its reader chooses.
///
/// ```swift
/// let map = ShadeMap(
///   "Choices after an expert", rows: .init("expert before", count: 64),
///   columns: .init("expert", count: 64), value: .init("share (%)", key: "share", format: .percent),
///   range: 0...0.15, maps: [.init(layer: 3, cells: shares)])
/// ```
public struct ShadeMap: Plot {
  /// What rows or columns are.
  public struct Side: Hashable, Sendable {
    /// What a row or column is.
    public var title: String
    /// How many there are.
    public var count: Int
    /// Their names; empty where they have numbers.
    public var names: [String]
    /// Their numbers, such as those of the model's layers; counted from 0 where there are none.
    public var numbers: [Int]
    /// The column of its names or numbers, for programs.
    public var key: String

    /// A side of the matrix.
    public init(
      _ title: String, count: Int, key: String, numbers: [Int] = [], names: [String] = []
    ) {
      self.title = title
      self.count = count
      self.key = key
      self.numbers = numbers
      self.names = names
    }

    /// What stands beside a row or below a column.
    func name(_ index: Int) -> String {
      names.indices.contains(index)
        ? names[index]
        : "\(numbers.indices.contains(index) ? numbers[index] : index)"
    }

    /// The same for programs.
    func value(_ index: Int) -> PlotValue {
      names.indices.contains(index)
        ? .text(names[index])
        : .integer(numbers.indices.contains(index) ? numbers[index] : index)
    }
  }

  /// One matrix.
  public struct Map: Hashable, Sendable {
    /// The model's number of the layer it is of; nil where there is only one matrix.
    public var layer: Int?
    /// Rows of cells.
    public var cells: [[Double]]

    /// A matrix.
    public init(layer: Int? = nil, cells: [[Double]]) {
      self.layer = layer
      self.cells = cells
    }
  }

  /// What it shows, for those who do not see it.
  public var title: String
  public var rows: Side
  public var columns: Side
  /// What a cell is.
  public var value: Axis
  /// What the lightest and the darkest shade stand for; values beyond have the outermost shades.
  public var range: ClosedRange<Double>
  /// Whether shades run from one colour over nothing to another: for values on both sides of 0.
  public var isDiverging: Bool
  /// At least one; the first that is shown is at ``shown``.
  public var maps: [Map]
  public var shown: Int
  /// Cells of a side that one pixel is the mean of.
  public var cellsOfPixel: Int
  /// Whether the picture is a square, whatever the matrix is.
  public var isSquare: Bool

  private static let (width, left, top, right) = (400.0, 44.0, 26.0, 10.0)

  /// A map with a scale below it.
  ///
  /// - Parameters:
  ///   - maps: matrices of one size, that of the sides.
  ///   - shown: the index of the one that is shown first.
  ///   - cellsOfPixel: cells of a side that one pixel is the mean of.
  public init(
    _ title: String, rows: Side, columns: Side, value: Axis, range: ClosedRange<Double>,
    isDiverging: Bool = false, maps: [Map], shown: Int = 0, cellsOfPixel: Int = 1,
    isSquare: Bool = true
  ) {
    self.title = title
    (self.rows, self.columns) = (rows, columns)
    self.value = value
    self.range = range
    self.isDiverging = isDiverging
    self.maps = maps
    self.shown = shown
    self.cellsOfPixel = max(1, cellsOfPixel)
    self.isSquare = isSquare
  }

  public var legend: [LegendEntry] { [] }

  public var data: PlotData {
    let hasLayers = maps.contains { $0.layer != nil }
    return PlotData(
      columns: (hasLayers ? ["layer"] : []) + [rows.key, columns.key, value.key],
      rows: maps.flatMap { map in
        map.cells.enumerated().flatMap { row, cells in
          cells.enumerated().map { column, cell in
            (hasLayers ? [map.layer.map { .integer($0) } ?? .none] : [])
              + [rows.value(row), columns.value(column), .number(cell)]
          }
        }
      })
  }

  /// What makes an address of one of ``images``.
  public static let imagePrefix = ShadeImage.prefix

  /// The images of all ``maps`` in letters, for the page's script to change.
  public var images: [String] { maps.map { image($0).base64 } }

  private func image(_ map: Map) -> ShadeImage {
    let step = cellsOfPixel
    let span = range.upperBound - range.lowerBound
    var shades: [UInt8] = []
    for top in stride(from: 0, to: rows.count, by: step) {
      for left in stride(from: 0, to: columns.count, by: step) {
        var (sum, count) = (0.0, 0.0)
        for row in top..<min(rows.count, top + step) {
          for column in left..<min(columns.count, left + step) {
            sum += map.cells[row][column]
            count += 1
          }
        }
        let share = span > 0 ? (sum / count - range.lowerBound) / span : 0
        shades.append(
          UInt8((max(0, min(1, share)) * Double(ShadeImage.shades - 1)).rounded()))
      }
    }
    return ShadeImage(width: (columns.count + step - 1) / step, shades: shades)
  }

  /// Whether any cell is beyond the darkest shade.
  private var isClipped: Bool {
    maps.contains { $0.cells.contains { $0.contains { $0 > range.upperBound } } }
  }

  /// Whether every matrix is of the sides' size.
  private var isWhole: Bool {
    rows.count > 0 && columns.count > 0
      && maps.allSatisfy { map in
        map.cells.count == rows.count && map.cells.allSatisfy { $0.count == columns.count }
      }
  }

  /// - Complexity: linear in the cells of the map that is shown.
  public var svg: String? {
    guard maps.indices.contains(shown), isWhole, range.upperBound > range.lowerBound else {
      return nil
    }
    let left = max(Self.left, min(120, 10 + 7 * Double(rows.names.map(\.count).max() ?? 0)))
    let inner = Self.width - left - Self.right
    let height = isSquare ? inner : min(inner, max(120, Double(rows.count) * 6))
    let foot = Self.top + height
    let ramp = isDiverging ? "diverging" : "cells"
    var parts = [
      "<svg viewBox=\"0 0 \(pixels(Self.width)) \(pixels(foot + 66))\" role=\"img\" "
        + "aria-label=\"\(escaped(title))\">",
      "<image class=\"\(ramp)\" x=\"\(pixels(left))\" y=\"\(pixels(Self.top))\" "
        + "width=\"\(pixels(inner))\" height=\"\(pixels(height))\" preserveAspectRatio=\"none\" "
        + "data-rows=\"\(rows.count)\" data-columns=\"\(columns.count)\" "
        + "data-row=\"\(escaped(rows.title))\" data-column=\"\(escaped(columns.title))\" "
        + "data-row-names=\"\(list(rows))\" data-column-names=\"\(list(columns))\" data-step=\"\(cellsOfPixel)\" "
        + "data-range=\"\(range.lowerBound * value.format.scale) "
        + "\(range.upperBound * value.format.scale)\" data-unit=\"\(escaped(value.format.suffix))\" "
        + "href=\"\(ShadeImage.prefix)\(image(maps[shown]).base64)\"/>",
      "<rect class=\"frame\" x=\"\(pixels(left))\" y=\"\(pixels(Self.top))\" "
        + "width=\"\(pixels(inner))\" height=\"\(pixels(height))\"/>",
    ]
    parts += names(left: left, inner: inner, height: height)
    parts += scale(left: left, y: foot + 34, ramp)
    return (parts + ["</svg>"]).joined(separator: "\n")
  }

  /// Names for the script; nothing where they are counted from 0.
  private func list(_ side: Side) -> String {
    guard !side.names.isEmpty || !side.numbers.isEmpty else { return "" }
    return escaped((0..<side.count).map(side.name).joined(separator: "|"))
  }

  private func names(left: Double, inner: Double, height: Double) -> [String] {
    let foot = Self.top + height
    func ticks(_ side: Side) -> [Int] {
      let every = side.names.isEmpty ? max(1, (side.count + 5) / 6) : 1
      return Array(stride(from: 0, to: side.count, by: every))
    }
    let across = columns.names.isEmpty ? ticks(columns) : []
    return ticks(rows).map { row in
      let y = Self.top + (Double(row) + 0.5) * height / Double(rows.count)
      return "<text class=\"text\" text-anchor=\"end\" dominant-baseline=\"middle\" "
        + "x=\"\(pixels(left - 5))\" y=\"\(pixels(y))\">\(escaped(rows.name(row)))</text>"
    }
      + across.map { column in
        let x = left + (Double(column) + 0.5) * inner / Double(columns.count)
        return "<text class=\"text\" text-anchor=\"middle\" x=\"\(pixels(x))\" "
          + "y=\"\(pixels(foot + 13))\">\(escaped(columns.name(column)))</text>"
      } + [
        "<text class=\"title\" x=\"2\" y=\"12\">\(escaped(rows.title)), from above</text>",
        "<text class=\"title\" text-anchor=\"end\" x=\"\(pixels(left + inner))\" "
          + "y=\"\(pixels(foot + (columns.names.isEmpty ? 28 : 14)))\">\(escaped(columns.title))</text>",
      ]
  }

  private func scale(left: Double, y: Double, _ ramp: String) -> [String] {
    let image = ShadeImage(width: ShadeImage.shades, shades: (0..<16).map { UInt8($0) })
    let (low, high) = (range.lowerBound, range.upperBound)
    return [
      "<image class=\"\(ramp)\" x=\"\(pixels(left))\" y=\"\(pixels(y))\" width=\"140\" height=\"9\" "
        + "preserveAspectRatio=\"none\" href=\"\(ShadeImage.prefix)\(image.base64)\"/>",
      "<rect class=\"frame\" x=\"\(pixels(left))\" y=\"\(pixels(y))\" width=\"140\" height=\"9\"/>",
      "<text class=\"text\" x=\"\(pixels(left))\" y=\"\(pixels(y + 22))\">"
        + escaped(value.format.short(low)) + "</text>",
      "<text class=\"text\" text-anchor=\"end\" x=\"\(pixels(left + 140))\" y=\"\(pixels(y + 22))\">"
        + escaped(value.format.short(high)) + (isClipped ? " and more" : "") + "</text>",
      "<text class=\"text\" x=\"\(pixels(left + 150))\" y=\"\(pixels(y + 8))\">"
        + escaped(value.title) + "</text>",
    ]
  }
}
