/// Where the rows and cells of a table lie that is kept in one array: plane after plane, and within
/// a plane row after row.
///
/// Tables by layer are such: a plane a layer, and within it, say, a row an expert.
///
/// ```swift
/// let place = RowMajor(rows: experts, columns: experts)
/// counts[place[layer, from, to]] += 1
/// let row = counts[place[layer, from]]
/// ```
public struct RowMajor: Hashable, Sendable {
  /// Rows of a plane.
  public let rows: Int
  /// Cells of a row.
  public let columns: Int

  /// A table of so many rows of so many cells in every plane.
  @inlinable
  public init(rows: Int, columns: Int) {
    self.rows = rows
    self.columns = columns
  }

  /// The cells of one row.
  @inlinable
  public subscript(plane: Int, row: Int) -> Range<Int> {
    let first = (plane * rows + row) * columns
    return first..<first + columns
  }

  /// One cell.
  @inlinable
  public subscript(plane: Int, row: Int, column: Int) -> Int {
    (plane * rows + row) * columns + column
  }

  /// The cells of consecutive rows.
  @inlinable
  public subscript(plane: Int, rows range: Range<Int>) -> Range<Int> {
    self[plane, range.lowerBound, 0]..<self[plane, range.upperBound, 0]
  }
}
