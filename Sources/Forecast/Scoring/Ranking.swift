import Counting

/// Ranks of the experts that were chosen, among all by descending probability.
///
/// Exact ranks give every recall@n at once and cost less than selecting a top-n. Ties go to the
/// lower id.
public enum Ranking {
  /// Adds 1 to `histogram[rank]` for every expert of `chosen`.
  ///
  /// - Parameters:
  ///   - probabilities: one value an expert.
  ///   - histogram: one count a rank, as long as `probabilities`.
  public static func count(
    _ chosen: ExpertSet, by probabilities: UnsafeMutableBufferPointer<Double>,
    in histogram: UnsafeMutableBufferPointer<UInt64>
  ) {
    var slot = 0
    while slot < chosen.count {
      histogram[rank(of: chosen[slot], by: probabilities)] += 1
      slot += 1
    }
  }

  /// How many experts stand before `expert`: 0 for the best.
  @inline(__always)
  static func rank(of expert: Int, by probabilities: UnsafeMutableBufferPointer<Double>) -> Int {
    let own = probabilities[expert]
    var rank = 0
    var j = 0
    while j < expert {
      rank &+= probabilities[j] >= own ? 1 : 0
      j += 1
    }
    while j < probabilities.count {
      rank &+= probabilities[j] > own ? 1 : 0
      j += 1
    }
    return rank
  }

  /// The `count` best experts, best first.
  public static func best(_ count: Int, by probabilities: [Double]) -> [Int] {
    let order = probabilities.indices.sorted {
      probabilities[$0] != probabilities[$1] ? probabilities[$0] > probabilities[$1] : $0 < $1
    }
    return Array(order.prefix(count))
  }
}
