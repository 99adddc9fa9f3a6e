import RoutingTrace

/// What a decoder layer has beside its routed experts, as far as its time needs it: sizes as models'
/// published configurations have them.
public struct AttentionShape: Hashable, Sendable {
  /// How keys and values are kept.
  public enum Kind: Hashable, Sendable {
    /// Heads of keys and values that several heads of queries share.
    case grouped(keyHeads: Int)
    /// One latent vector a token, and a part that carries the position (multi-head latent
    /// attention, MLA); queries of a low rank, or of none (0).
    case latent(rank: Int, positional: Int, queryRank: Int)
  }

  /// Heads of queries.
  public let heads: Int
  /// Numbers of a head.
  public let headSize: Int
  /// How keys and values are kept.
  public let kind: Kind
  /// Inner width of the model's dense layers; 0 where it has none.
  public let denseIntermediate: Int

  /// Numbers that a token leaves in the cache of one layer.
  public var cachedNumbers: Int {
    switch kind {
    case .grouped(let keyHeads): 2 * keyHeads * headSize
    case .latent(let rank, let positional, _): rank + positional
    }
  }

  /// Parameters of a layer's projections.
  ///
  /// - Parameter hidden: Width of the residual stream.
  public func projectionParameters(hidden: Int) -> Int {
    switch kind {
    case .grouped(let keyHeads):
      return hidden * headSize * (2 * heads + 2 * keyHeads)
    case .latent(let rank, let positional, let queryRank):
      let queries = heads * (headSize + positional)
      return (queryRank > 0 ? hidden * queryRank + queryRank * queries : hidden * queries)
        + hidden * (rank + positional) + rank * heads * 2 * headSize + heads * headSize * hidden
    }
  }

  /// Operations of one token that attends to one earlier one, in one layer; MLA with its projections
  /// absorbed.
  public var flopsPerPair: Int {
    switch kind {
    case .grouped: 4 * heads * headSize
    case .latent(let rank, let positional, _): 2 * heads * (2 * rank + positional)
    }
  }

  /// That of a known model; nil for others.
  public static func of(_ model: ModelShape) -> AttentionShape? {
    func grouped(_ heads: Int, _ keyHeads: Int, _ size: Int, dense: Int = 0) -> AttentionShape {
      AttentionShape(
        heads: heads, headSize: size, kind: .grouped(keyHeads: keyHeads), denseIntermediate: dense)
    }
    func latent(_ heads: Int, queryRank: Int, dense: Int) -> AttentionShape {
      AttentionShape(
        heads: heads, headSize: 128, kind: .latent(rank: 512, positional: 64, queryRank: queryRank),
        denseIntermediate: dense)
    }
    return switch model.name {
    case "deepseek-v3": latent(128, queryRank: 1536, dense: 18432)
    case "kimi-k2": latent(64, queryRank: 1536, dense: 18432)
    case "deepseek-v2-lite": latent(16, queryRank: 0, dense: 10944)
    case "qwen3-235b-a22b": grouped(64, 4, 128)
    case "qwen3-30b-a3b": grouped(32, 4, 128)
    case "qwen1.5-moe-a2.7b": grouped(16, 16, 128)
    case "llama-4-maverick": grouped(40, 8, 128, dense: 16384)
    case "llama-4-scout": grouped(40, 8, 128)
    case "mixtral-8x7b": grouped(32, 8, 128)
    case "olmoe-1b-7b": grouped(16, 16, 128)
    case "gpt-oss-120b", "gpt-oss-20b": grouped(64, 8, 64)
    default: nil
    }
  }
}
