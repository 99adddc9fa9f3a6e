import Counting

/// Ranks the experts that were chosen among all, by descending probability: rank 0 is the best,
/// ties go to the lower id.
///
/// A histogram of exact ranks gives recall@n for every n at once, and costs less than selecting the
/// n best.
public enum Ranking {
  /// Adds 1 to `histogram[rank]` for every expert of `chosen`.
  ///
  /// - Parameters:
  ///   - chosen: the experts that the router chose.
  ///   - probabilities: one value an expert.
  ///   - histogram: one count a rank, as long as `probabilities`.
  /// - Complexity: O(K E).
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

  /// The ids of the most probable experts, best first; ties go to the lower id.
  ///
  /// - Parameters:
  ///   - count: how many, all experts at most.
  ///   - probabilities: one value an expert.
  /// - Complexity: as ``ExpertRanker/best(by:into:chances:)``.
  public static func best(
    _ count: Int, by probabilities: UnsafeMutableBufferPointer<Double>
  ) -> [Int] {
    var ids = [UInt16](repeating: 0, count: min(count, probabilities.count))
    guard !ids.isEmpty else { return [] }
    ids.withUnsafeMutableBufferPointer {
      ExpertRanker(experts: probabilities.count).best(by: probabilities, into: $0, chances: nil)
    }
    return ids.map { Int($0) }
  }
}
