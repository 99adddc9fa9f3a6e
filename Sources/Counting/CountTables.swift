/// Which of a layer's integer tables are kept.
public struct CountTables: OptionSet, Hashable, Sendable {
  /// A bit a table, as below.
  public let rawValue: UInt8
  /// The tables whose bits are set.
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// `C[i, j]`: j chosen here when i was chosen one layer before by the same token.
  public static let layerPairs = CountTables(rawValue: 1)
  /// `D[i, j]`: j chosen here when i was chosen here by the request's previous token.
  public static let tokenPairs = CountTables(rawValue: 2)
}
