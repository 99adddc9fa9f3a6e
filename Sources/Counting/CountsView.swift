/// One layer's counts lent for reading: what the formulas of the counting predictors are computed
/// from. ``LayerCounts/withView(_:)`` lends it.
///
/// ```swift
/// let share = counts.withView { view in
///   Double(view.count(of: 3)) / Double(max(1, view.total))
/// }
/// ```
///
/// Valid inside the closure that was lent it. The buffers have the lengths that ``LayerCounts``
/// gave them, and every id handed in must be below `experts`, as `RoutingTrace/TokenBlock`
/// checked; indices are not checked again here.
public struct CountsView {
  /// `c[j]`, then `C[i, j]`, then `D[i, j]` as far as kept.
  @usableFromInline package let cells: UnsafeBufferPointer<UInt32>
  /// The sum of `c`, then of each row of `C` and of `D`.
  @usableFromInline package let totals: UnsafeBufferPointer<UInt64>
  /// Experts of the layer (E).
  public let experts: Int
  /// Which pair tables are kept.
  public let tables: CountTables

  /// A view of buffers that ``LayerCounts`` lends.
  @inlinable
  package init(
    cells: UnsafeBufferPointer<UInt32>, totals: UnsafeBufferPointer<UInt64>, experts: Int,
    tables: CountTables
  ) {
    self.cells = cells
    self.totals = totals
    self.experts = experts
    self.tables = tables
  }

  /// How often `expert` was chosen, `c[j]`.
  ///
  /// - Precondition: `expert` is below ``experts``.
  @inlinable @inline(__always)
  public func count(of expert: Int) -> UInt32 { cells[expert] }

  /// Choices of all experts together, the sum of `c`: top-k for every full event.
  @inlinable @inline(__always)
  public var total: UInt64 { totals[0] }

  /// One row of a pair table: how often each expert followed `given`; `experts` values.
  ///
  /// - Precondition: `table` is one table, and kept; `given` is below ``experts``.
  @inlinable
  public func row(_ table: CountTables, _ given: Int) -> UnsafeBufferPointer<UInt32> {
    let place = rowPlace(table, given)
    return UnsafeBufferPointer(rebasing: cells[place.base..<place.base + experts])
  }

  /// Where row `given` of a table begins in `cells`, and where its sum stands in `totals`.
  @inlinable @inline(__always)
  package func rowPlace(_ table: CountTables, _ given: Int) -> (base: Int, total: Int) {
    let firstRow = table == .tokenPairs && tables.contains(.layerPairs) ? experts : 0
    let row = firstRow &+ given
    return (experts &+ row &* experts, 1 &+ row)
  }

  /// The first cell: `c[0]`. A layer has at least one expert.
  @inlinable @inline(__always)
  package var cellsBase: UnsafePointer<UInt32> { cells.baseAddress.unsafelyUnwrapped }
}
