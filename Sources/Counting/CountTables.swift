/// Which pair tables a layer keeps beside the frequencies `c[j]`, which it always keeps. Each table
/// has E x E counts, row i being what followed expert i.
public struct CountTables: OptionSet, Hashable, Sendable {
  /// A bit a table, as the constants below say.
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
