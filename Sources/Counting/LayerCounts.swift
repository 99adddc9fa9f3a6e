/// The integer counts of one MoE layer: how often each expert was chosen, and in the pair tables
/// how often one followed another. All counting predictors of a learner forecast from the same
/// counts.
///
/// ```swift
/// var counts = LayerCounts(experts: 64, tables: [.layerPairs, .tokenPairs])
/// block.withLayer(5) { counts.learn($0) }
/// print(counts.frequency[3], counts.layerPairs![3 * 64 + 7])   // c[3], C[3, 7]
/// ```
///
/// Integers keep merging exact and resuming bit-identical.
public struct LayerCounts: Hashable, Sendable {
  /// The largest count a cell may hold, and so the tokens that can be learnt without a look at
  /// ``largest``.
  public static let maximumTokens = Int(Int32.max)

  /// Experts of the layer (E).
  public let experts: Int
  /// Which pair tables are kept.
  public let tables: CountTables
  /// `c[j]`, then `C[i, j]`, then `D[i, j]` as far as kept: the pair tables row by row.
  private var cells: AlignedArray<UInt32>
  /// The sum of `c`, then of each row of `C` and of `D`.
  private var totals: [UInt64]

  /// Empty tables for `experts` experts.
  ///
  /// - Complexity: O(E^2) for each pair table.
  public init(experts: Int, tables: CountTables) {
    self.experts = experts
    self.tables = tables
    let pairs = Self.pairTables(tables)
    cells = AlignedArray(repeating: 0, count: experts + pairs * experts * experts)
    totals = [UInt64](repeating: 0, count: 1 + pairs * experts)
  }

  /// Bytes that a layer's tables take: `4 (E + p E^2) + 8 (1 + p E)` with p pair tables.
  public static func bytes(experts: Int, tables: CountTables) -> Int {
    let pairs = pairTables(tables)
    return 4 * (experts + pairs * experts * experts) + 8 * (1 + pairs * experts)
  }

  /// Tables with known counts.
  ///
  /// - Parameters:
  ///   - frequency: `c`, E counts.
  ///   - layerPairs: `C`, E x E counts row by row, or nil if not kept.
  ///   - tokenPairs: `D`, likewise.
  /// - Returns: nil where a length is wrong or a count is beyond ``maximumTokens``.
  /// - Complexity: O(E^2) for each pair table.
  public init?(frequency: [UInt32], layerPairs: [UInt32]?, tokenPairs: [UInt32]?) {
    experts = frequency.count
    var tables: CountTables = []
    var cells = frequency
    for (pairs, table) in [(layerPairs, CountTables.layerPairs), (tokenPairs, .tokenPairs)] {
      guard let pairs else { continue }
      guard pairs.count == experts * experts else { return nil }
      tables.insert(table)
      cells += pairs
    }
    guard cells.allSatisfy({ $0 <= UInt32(Self.maximumTokens) }) else { return nil }
    self.tables = tables
    self.cells = AlignedArray(cells)
    totals = [frequency.reduce(0) { $0 + UInt64($1) }]
    for row in 0..<experts * Self.pairTables(tables) {
      let first = experts + row * experts
      totals.append(cells[first..<first + experts].reduce(0) { $0 + UInt64($1) })
    }
  }

  /// The largest count of all tables: that of the most used expert, which each of its tokens adds
  /// to, while a cell of a pair table grows by 1 a token at most.
  public var largest: UInt32 { frequency.max() ?? 0 }

  /// `c`: how often each expert was chosen; E values, copied.
  public var frequency: [UInt32] { cells.values(at: 0..<experts) }

  /// `C[i, j]`: how often j was chosen here after i one layer before; E x E row by row, copied, or
  /// nil if not kept.
  public var layerPairs: [UInt32]? {
    tables.contains(.layerPairs) ? cells.values(at: experts..<experts + experts * experts) : nil
  }

  /// `D[i, j]`: how often j was chosen here after i here by the request's previous token; E x E row
  /// by row, copied, or nil if not kept.
  public var tokenPairs: [UInt32]? {
    tables.contains(.tokenPairs)
      ? cells.values(at: cells.count - experts * experts..<cells.count) : nil
  }

  /// Adds the counts of another shard of the stream.
  ///
  /// - Precondition: experts and tables agree, and ``largest`` of both together stays within
  ///   ``maximumTokens``.
  /// - Complexity: O(E^2) for each pair table.
  public mutating func add(_ other: LayerCounts) {
    precondition(experts == other.experts && tables == other.tables)
    // Sums fit by the precondition, so that vectors need no check a cell.
    cells.withUnsafeMutableBufferPointer { cells in
      other.cells.withUnsafeBufferPointer { other in
        var index = 0
        while index < other.count {
          cells[index] &+= other[index]
          index &+= 1
        }
      }
    }
    for index in totals.indices { totals[index] += other.totals[index] }
  }

  /// The same counts with some of the pair tables alone.
  ///
  /// - Parameter kept: those to keep; the others of ``tables`` are left out.
  /// - Complexity: O(E^2) for each table that is kept, where one is left out.
  public func keeping(_ kept: CountTables) -> LayerCounts {
    guard !tables.isSubset(of: kept) else { return self }
    return LayerCounts(
      frequency: frequency, layerPairs: kept.contains(.layerPairs) ? layerPairs : nil,
      tokenPairs: kept.contains(.tokenPairs) ? tokenPairs : nil) ?? self
  }

  /// Counts events of a layer, without forecasting them.
  ///
  /// - Parameters:
  ///   - view: the layer's events.
  ///   - tokens: those to count; all unless given.
  /// - Precondition: the tokens are the layer's, and ``largest`` together with them stays within
  ///   ``maximumTokens``.
  /// - Complexity: O(T K^2) for T tokens and each pair table.
  public mutating func learn(_ view: LayerEvents, tokens: Range<Int>? = nil) {
    let tokens = tokens ?? 0..<view.tokens
    precondition(view.experts == experts && tokens.lowerBound >= 0)
    precondition(tokens.upperBound <= view.tokens)
    withLearner { $0.learn(view, tokens: tokens) }
  }

  /// Lends the tables to those who forecast from them; nothing is copied.
  public func withView<Result>(_ body: (CountsView) throws -> Result) rethrows -> Result {
    try cells.withUnsafeBufferPointer { cells in
      try totals.withUnsafeBufferPointer { totals in
        try body(CountsView(cells: cells, totals: totals, experts: experts, tables: tables))
      }
    }
  }

  /// Lends the tables to those who count in them; they are copied first where another value shares
  /// them.
  public mutating func withLearner<Result>(
    _ body: (CountsLearner) throws -> Result
  ) rethrows -> Result {
    let experts = experts
    let tables = tables
    return try cells.withUnsafeMutableBufferPointer { cells in
      try totals.withUnsafeMutableBufferPointer { totals in
        try body(CountsLearner(cells: cells, totals: totals, experts: experts, tables: tables))
      }
    }
  }

  /// How many pair tables are kept.
  private static func pairTables(_ tables: CountTables) -> Int {
    (tables.contains(.layerPairs) ? 1 : 0) + (tables.contains(.tokenPairs) ? 1 : 0)
  }
}
