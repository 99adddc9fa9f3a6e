/// Which of a layer's integer tables are kept.
public struct CountTables: OptionSet, Hashable, Sendable {
  /// A bit a table, as below.
  public let rawValue: UInt8
  /// The tables whose bits are set.
  @inlinable
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// `C[i, j]`: j chosen here when i was chosen one layer before by the same token.
  @inlinable
  public static var layerPairs: CountTables { CountTables(rawValue: 1) }
  /// `D[i, j]`: j chosen here when i was chosen here by the request's previous token.
  @inlinable
  public static var tokenPairs: CountTables { CountTables(rawValue: 2) }
}
