/// Rows for pairs of contexts, in a hash table of bounded size.
///
/// A pair finds its row within ``probes`` places of its hash. Where all are taken it takes the
/// place of the one with the smallest sum, which starts anew; so a full table keeps what is
/// frequent. Half of a row's sum is taken from it each time it is spared, so that what was frequent
/// once goes in time.
struct PairTable: Hashable, Sendable {
  /// Places at which a pair's row may lie, one after another.
  static let probes = 4
  /// What the tables of all layers together may take, in bytes, unless told otherwise.
  static let budget = 64 << 20

  /// Rows of the table, a power of two.
  let rows: Int
  /// `[row]`: 1 + the number of the pair that has the row, or 0 where it is free.
  var keys: [UInt32]
  /// The rows' counts.
  var table: RowTable

  /// A table of at most `budget` bytes for pairs of `experts` experts each.
  init(experts: Int, lanes: Int, budget: Int, halvingTotal: Int) {
    let rows = Self.rows(experts: experts, lanes: lanes, budget: budget)
    self.rows = rows
    keys = [UInt32](repeating: 0, count: rows)
    table = RowTable(rows: rows, lanes: lanes, halvingTotal: halvingTotal)
  }

  /// Rows of a table of at most `budget` bytes, but for the least that there must be.
  static func rows(experts: Int, lanes: Int, budget: Int) -> Int {
    let rowBytes = lanes * 4 + 8
    var rows = probes
    while rows * 2 * rowBytes <= budget, rows < 2 * experts * experts { rows *= 2 }
    return rows
  }

  /// Bytes that a table takes.
  static func bytes(experts: Int, lanes: Int, budget: Int) -> Int {
    let rows = rows(experts: experts, lanes: lanes, budget: budget)
    return rows * 4 + RowTable.bytes(rows: rows, lanes: lanes)
  }

  /// Lends the table to those who forecast from it.
  @inline(__always)
  func withView<Result>(_ body: (PairView) -> Result) -> Result {
    keys.withUnsafeBufferPointer { keys in
      table.withView { rows in
        body(PairView(keys: keys.baseAddress.unsafelyUnwrapped, rows: rows, mask: self.rows - 1))
      }
    }
  }

  /// Lends the table to those who count in it.
  @inline(__always)
  mutating func withLearner<Result>(_ body: (PairLearner) -> Result) -> Result {
    let mask = rows - 1
    return keys.withUnsafeMutableBufferPointer { keys in
      table.withLearner { rows in
        body(PairLearner(keys: keys.baseAddress.unsafelyUnwrapped, rows: rows, mask: mask))
      }
    }
  }

  /// The first place where the row of a pair of this key may lie, before the mask.
  @inline(__always)
  static func place(_ key: UInt32) -> Int { Int((key &* 0x9E37_79B1) >> 7) }
}

/// A ``PairTable`` lent for reading, valid inside the closure that was lent it.
struct PairView {
  let keys: UnsafePointer<UInt32>
  /// The rows' counts.
  let rows: RowView
  let mask: Int

  /// The row of a pair, or -1.
  @inline(__always)
  func find(_ pair: Int) -> Int {
    let key = UInt32(truncatingIfNeeded: pair &+ 1)
    let first = PairTable.place(key) & mask
    var probe = 0
    while probe < PairTable.probes {
      let row = (first &+ probe) & mask
      if keys[row] == key { return row }
      probe += 1
    }
    return -1
  }
}

/// A ``PairTable`` lent for counting, valid inside the closure that was lent it.
struct PairLearner {
  let keys: UnsafeMutablePointer<UInt32>
  /// The rows' counts.
  let rows: RowLearner
  let mask: Int

  /// The row of a pair, made where it has none.
  @inline(__always)
  func claim(_ pair: Int) -> Int {
    let key = UInt32(truncatingIfNeeded: pair &+ 1)
    let first = PairTable.place(key) & mask
    var weakest = first & mask
    var probe = 0
    while probe < PairTable.probes {
      let row = (first &+ probe) & mask
      if keys[row] == key { return row }
      if keys[row] == 0 {
        keys[row] = key
        return row
      }
      if rows.totals[row] < rows.totals[weakest] { weakest = row }
      probe += 1
    }
    replace(weakest, first, by: key)
    return weakest
  }

  /// Gives the row at `weakest` to another pair, and halves the sums of the others it might have
  /// taken.
  private func replace(_ weakest: Int, _ first: Int, by key: UInt32) {
    for probe in 0..<PairTable.probes {
      let row = (first + probe) & mask
      let cells = rows.cells + row * rows.lanes
      var sum: UInt32 = 0
      for j in 0..<rows.lanes {
        cells[j] = row == weakest ? 0 : cells[j] - cells[j] / 2
        sum &+= cells[j]
      }
      rows.totals[row] = sum
    }
    keys[weakest] = key
  }
}
