import Counting
import RoutingTrace

/// How large a mixture is in a file, and how much more it can count.
extension Mixture {
  /// Bytes of the columns that ``code(with:)`` passes on for a mixture of this shape, each value in
  /// the type it is coded in. Nothing is allocated, so a caller may ask before it makes a mixture.
  ///
  /// - Parameters:
  ///   - tokens: tokens whose paths are stored; as many as can be unless given.
  ///   - places: places of the book of requests; as many as can be unless given.
  public static func codedBytes(
    shape: TraceShape, options: MixtureOptions, tokens: Int = .max,
    places: Int = RequestBook.standardCapacity
  ) -> Int {
    var bytes = shape.layers * layerBytes(shape, options, places)
    guard !options.parts.isDisjoint(with: .paths) else { return bytes }
    let stored = min(tokens, PathMemory.rounded(options.storedPaths))
    bytes += 8 + stored * (shape.layers * ((shape.experts + 63) / 64) * 8 + 8)
    bytes += places * 8 * (2 + PathMemory.followed * (1 + PathMemory.metrics.count))
    return bytes
  }

  /// Bytes of the columns of one layer.
  private static func layerBytes(
    _ shape: TraceShape, _ options: MixtureOptions, _ places: Int
  ) -> Int {
    let parts = options.parts
    let lanes = (shape.experts + 7) / 8 * 8
    let tabled = MixtureLayer.tabled(parts)
    let rows = 1 + MixtureLayer.rowParts.count(where: tabled.contains) * shape.experts
    var bytes = (rows + MixtureLayer.linearRows(shape, parts)) * (lanes + 1) * 4
    let tables = MixtureLayer.pairParts.count(where: parts.contains)
    if tables > 0 {
      let budget = MixtureLayer.pairBudget(shape, tables: tables)
      bytes +=
        tables * PairTable.rows(experts: shape.experts, lanes: lanes, budget: budget)
        * (lanes + 2) * 4
    }
    bytes +=
      RepeatTable.places(topK: shape.topK, budget: MixtureLayer.repeatBudget(shape, parts))
      * (2 + RepeatTable.depth * shape.topK) * 4
    let inputs = MixtureParts.named.count { $0.part != .linear && parts.contains($0.part) }
    let live = [MixtureParts.request, .recent].count(where: parts.contains)
    return bytes + inputs * 8 + live * places * lanes * 4
  }

  /// Whether `tokens` more can be learnt: counts of rows stay within 31 bits, as do the numbers of
  /// stored paths.
  ///
  /// - Complexity: O(`layers`).
  public func hasRoom(for tokens: Int) -> Bool {
    let most = LayerCounts.maximumTokens
    guard paths.map({ $0.written <= most - tokens }) ?? true else { return false }
    // Rows that are halved never come near the bound. Of all others the row of frequencies, which
    // counts every token, has the largest sum.
    return options.halvingTotal > 0
      || layers.allSatisfy {
        $0.frequency.totals.allSatisfy { Int($0) + tokens * shape.topK <= most }
      }
  }

  /// Whether the counts of both together stay within 31 bits, as merging needs.
  ///
  /// - Complexity: O(`layers`).
  public func hasRoom(for other: Mixture) -> Bool {
    zip(layers, other.layers).allSatisfy { one, other in
      zip(one.frequency.totals, other.frequency.totals).allSatisfy {
        Int($0) + Int($1) <= LayerCounts.maximumTokens
      }
    }
  }
}
