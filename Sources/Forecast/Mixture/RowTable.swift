import Counting

/// Integer counts of which experts followed a context, a row a context.
///
/// Rows are padded to whole lanes of eight. With `halvingTotal` a row whose sum reaches it is
/// halved, so that it follows a drifting stream; without, counts are exact and those of shards add
/// up.
struct RowTable: Hashable, Sendable {
  /// Experts rounded up to whole lanes of eight.
  let lanes: Int
  /// The sum at which a row is halved; 0 for never.
  let halvingTotal: UInt32
  /// `[row, lane]`.
  var cells: AlignedArray<UInt32>
  /// The sum of each row.
  var totals: [UInt32]

  /// A table of zeros.
  init(rows: Int, lanes: Int, halvingTotal: Int) {
    self.lanes = lanes
    self.halvingTotal = UInt32(halvingTotal)
    cells = AlignedArray(repeating: 0, count: rows * lanes)
    totals = [UInt32](repeating: 0, count: rows)
  }

  /// Bytes that a table takes.
  static func bytes(rows: Int, lanes: Int) -> Int { rows * (lanes + 1) * 4 }

  /// Lends the table to those who forecast from it.
  @inline(__always)
  func withView<Result>(_ body: (RowView) -> Result) -> Result {
    cells.withUnsafeBufferPointer { cells in
      totals.withUnsafeBufferPointer { totals in
        body(
          RowView(
            cells: cells.baseAddress.unsafelyUnwrapped,
            totals: totals.baseAddress.unsafelyUnwrapped, lanes: lanes))
      }
    }
  }

  /// Lends the table to those who count in it.
  @inline(__always)
  mutating func withLearner<Result>(_ body: (RowLearner) -> Result) -> Result {
    let lanes = lanes
    let halvingTotal = halvingTotal
    return cells.withUnsafeMutableBufferPointer { cells in
      totals.withUnsafeMutableBufferPointer { totals in
        body(
          RowLearner(
            cells: cells.baseAddress.unsafelyUnwrapped,
            totals: totals.baseAddress.unsafelyUnwrapped,
            lanes: lanes, halvingTotal: halvingTotal))
      }
    }
  }
}

/// The rows of a ``RowTable`` inside the closure that was lent them. Row numbers are not checked:
/// they are expert ids, which `RoutingTrace/TokenBlock` checked, or places in a hash table.
struct RowView {
  let cells: UnsafePointer<UInt32>
  let totals: UnsafePointer<UInt32>
  let lanes: Int

  /// Adds `(T[row, j] + strength prior(j)) / (sum T[row] + strength)` to `sums`, but for the
  /// prior's share, which it returns: the weight with which the caller adds the prior once for all
  /// rows.
  @inline(__always)
  func add(_ row: Int, strength: Float, to sums: UnsafeMutablePointer<Float>) -> Float {
    let total = totals[row]
    let share = 1 / (Float(Int32(bitPattern: total)) + strength)
    if total > 0 {
      let cells = cells + row &* lanes
      var j = 0
      while j < lanes {
        sums[j] += Float(Int32(bitPattern: cells[j])) * share
        j += 1
      }
    }
    return strength * share
  }
}

/// The rows of a ``RowTable`` inside the closure that was lent them to count in. Row numbers are
/// not checked, as those of ``RowView``.
struct RowLearner {
  let cells: UnsafeMutablePointer<UInt32>
  let totals: UnsafeMutablePointer<UInt32>
  let lanes: Int
  let halvingTotal: UInt32

  /// Counts `chosen` in `row`.
  @inline(__always)
  func learn(_ row: Int, _ chosen: ExpertSet) {
    let own = cells + row &* lanes
    var slot = 0
    while slot < chosen.count {
      own[chosen[slot]] &+= 1
      slot += 1
    }
    let total = totals[row] &+ UInt32(truncatingIfNeeded: chosen.count)
    totals[row] = total
    if halvingTotal > 0, total >= halvingTotal { halve(row) }
  }

  /// Halves every count of a row, rounding down, and sums the row anew.
  private func halve(_ row: Int) {
    let own = cells + row &* lanes
    var sum: UInt32 = 0
    var j = 0
    while j < lanes {
      own[j] /= 2
      sum &+= own[j]
      j += 1
    }
    totals[row] = sum
  }
}
