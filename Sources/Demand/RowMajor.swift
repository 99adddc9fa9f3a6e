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
package struct RowMajor: Hashable, Sendable {
  /// Rows of a plane.
  package let rows: Int
  /// Cells of a row.
  package let columns: Int

  @inlinable
  package init(rows: Int, columns: Int) {
    self.rows = rows
    self.columns = columns
  }

  /// The cells of one row.
  @inlinable
  package subscript(plane: Int, row: Int) -> Range<Int> {
    let first = (plane * rows + row) * columns
    return first..<first + columns
  }

  /// One cell.
  @inlinable
  package subscript(plane: Int, row: Int, column: Int) -> Int {
    (plane * rows + row) * columns + column
  }

  /// The cells of consecutive rows.
  @inlinable
  package subscript(plane: Int, rows range: Range<Int>) -> Range<Int> {
    self[plane, range.lowerBound, 0]..<self[plane, range.upperBound, 0]
  }
}
