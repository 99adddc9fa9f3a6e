/// A picture of figures, and the same figures as rows: what is drawn is told once, and SVG, CSV and
/// JSON are made from it.
///
/// Pictures have no colours of their own but classes, which the page's style sheet sets: `s0` to
/// `s6` for series, `h0` to `h15` for shades, `axis`, `grid`, `text`, `value`, `reference`. So a
/// page has one palette for light, dark and paper.
public protocol Plot: Sendable {
  /// The picture, or nil where there is nothing to draw.
  var svg: String? { get }
  /// What the colours say; empty where there is only one.
  var legend: [LegendEntry] { get }
  /// The figures that the picture shows.
  var data: PlotData { get }
}

/// A line of a legend: a name and the class of its colour.
public struct LegendEntry: Hashable, Sendable {
  /// What the colour stands for.
  public var name: String
  /// Classes of the style sheet, such as `s0` or `s3 reference`.
  public var style: String

  /// A name and the class of its colour.
  public init(_ name: String, style: String) {
    self.name = name
    self.style = style
  }
}

/// Figures as rows under keys, in the units of programs: shares from 0 to 1, seconds, bytes.
public struct PlotData: Hashable, Sendable, Encodable {
  /// One key a column, in snake_case.
  public var columns: [String]
  /// One value a column.
  public var rows: [[PlotValue]]

  /// Rows under keys.
  public init(columns: [String], rows: [[PlotValue]]) {
    self.columns = columns
    self.rows = rows
  }
}

/// One value of a row.
public enum PlotValue: Hashable, Sendable, Encodable {
  /// A name.
  case text(String)
  /// A count, or the number of something.
  case integer(Int)
  /// A measured value; one that is not finite is written as nothing.
  case number(Double)
  /// Nothing was measured.
  case none

  /// A number, or nothing.
  public init(_ number: Double?) { self = number.map(Self.number) ?? .none }

  /// Writes the bare value, `null` for nothing.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .text(let text): try container.encode(text)
    case .integer(let integer): try container.encode(integer)
    case .number(let number) where number.isFinite: try container.encode(number)
    case .number, .none: try container.encodeNil()
    }
  }
}
