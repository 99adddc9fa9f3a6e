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
  /// - Complexity: as ``best(by:into:chances:)``.
  public static func best(
    _ count: Int, by probabilities: UnsafeMutableBufferPointer<Double>
  ) -> [Int] {
    var ids = [UInt16](repeating: 0, count: min(count, probabilities.count))
    guard !ids.isEmpty else { return [] }
    ids.withUnsafeMutableBufferPointer { best(by: probabilities, into: $0, chances: nil) }
    return ids.map { Int($0) }
  }

  /// Writes the ids of the most probable experts, best first; ties go to the lower id.
  ///
  /// - Parameters:
  ///   - probabilities: one value an expert.
  ///   - ids: room for as many ids as are wanted, 1 to all experts.
  ///   - chances: room for their probabilities, as many; nil where they are not wanted.
  /// - Complexity: O(E n) for n ids; about E + n log(E) in no particular order of probabilities.
  public static func best(
    by probabilities: UnsafeMutableBufferPointer<Double>,
    into ids: UnsafeMutableBufferPointer<UInt16>,
    chances: UnsafeMutableBufferPointer<Float>?
  ) {
    let wanted = ids.count
    precondition(
      (1...probabilities.count).contains(wanted) && chances?.count ?? wanted == wanted)
    withUnsafeTemporaryAllocation(of: Double.self, capacity: wanted) { held in
      // Unsafe: `place` is below `wanted`, which all three rooms have, `expert` below the count.
      guard let held = held.baseAddress, let ids = ids.baseAddress,
        let values = probabilities.baseAddress
      else { return }
      var count = 0
      var expert = 0
      while expert < probabilities.count {
        let value = values[expert]
        if count == wanted, value <= held[wanted &- 1] {
          expert &+= 1
          continue
        }
        var place = count < wanted ? count : wanted &- 1
        while place > 0, held[place &- 1] < value {
          held[place] = held[place &- 1]
          ids[place] = ids[place &- 1]
          place &-= 1
        }
        held[place] = value
        ids[place] = UInt16(truncatingIfNeeded: expert)
        if count < wanted { count &+= 1 }
        expert &+= 1
      }
      if let chances {
        for place in 0..<wanted { chances[place] = Float(held[place]) }
      }
    }
  }
}
