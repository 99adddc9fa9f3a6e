/// Finds the most probable experts, best first; ties go to the lower id. Has the memory that this
/// takes, so that nothing is allocated a forecast.
///
/// ```swift
/// let ranker = ExpertRanker(experts: 64)
/// ranker.best(by: probabilities, into: ids, chances: chances)   // as many as there is room for
/// ```
///
/// Sorting as one goes mispredicts a branch an expert, which takes longer than a Markov forecast.
/// So a bound is found first which enough experts reach, those few are gathered, and the place of
/// each is how many of them are above it: comparisons of vectors, and hardly a branch.
public final class ExpertRanker {
  /// Experts of the model's layers.
  public let experts: Int
  /// Values that one comparison takes.
  private static let lanes = 4
  /// Values up to which all are compared with one, without a loop.
  private static let few = 6 * lanes
  /// The greatest probability of each group; as many as there are groups.
  private let maxima: UnsafeMutablePointer<Double>
  /// The probabilities that reach the bound, in the order of their experts, and below all behind.
  private let candidates: UnsafeMutablePointer<Double>
  /// The candidates' experts.
  private let ids: UnsafeMutablePointer<UInt16>
  /// Which candidate stands at a place; ``nobody`` while none does.
  private let places: UnsafeMutablePointer<UInt16>
  /// No candidate.
  private static let nobody = UInt16.max

  /// - Parameter experts: 1 to 65,535.
  public init(experts: Int) {
    precondition((1..<Int(UInt16.max)).contains(experts))
    self.experts = experts
    maxima = .allocate(capacity: experts)
    candidates = .allocate(capacity: experts + Self.few)
    ids = .allocate(capacity: experts)
    places = .allocate(capacity: experts)
    maxima.initialize(repeating: 0, count: experts)
    candidates.initialize(repeating: 0, count: experts + Self.few)
    ids.initialize(repeating: 0, count: experts)
    places.initialize(repeating: 0, count: experts)
  }

  deinit {
    maxima.deallocate()
    candidates.deallocate()
    ids.deallocate()
    places.deallocate()
  }

  /// Writes the ids of the most probable experts, best first.
  ///
  /// - Parameters:
  ///   - probabilities: one value an expert; no NaN.
  ///   - best: room for as many ids as are wanted, 1 to all experts.
  ///   - chances: room for their probabilities, as many; nil where they are not wanted.
  /// - Complexity: O(E + n^2) for n ids where they are a small part of all in no particular order;
  ///   O(E^2) otherwise.
  public func best(
    by probabilities: UnsafeMutableBufferPointer<Double>,
    into best: UnsafeMutableBufferPointer<UInt16>,
    chances: UnsafeMutableBufferPointer<Float>?
  ) {
    let wanted = best.count
    precondition(
      probabilities.count == experts && (1...experts).contains(wanted)
        && chances?.count ?? wanted == wanted)
    // Unsafe: nothing is read or written beyond `experts` places, or `few` more of `candidates`.
    guard let values = probabilities.baseAddress, let best = best.baseAddress else { return }
    let count = gather(values, reaching: bound(of: values, wanted: wanted))
    if !place(count, wanted: wanted) { placeTies(count, wanted: wanted) }
    var place = 0
    while place < wanted {
      best[place] = ids[Int(places[place])]
      place &+= 1
    }
    guard let chances = chances?.baseAddress else { return }
    place = 0
    while place < wanted {
      chances[place] = Float(candidates[Int(places[place])])
      place &+= 1
    }
  }

  /// A bound that at least `wanted` experts reach, and not many more: the experts go to a third
  /// more groups than are wanted, and it is the lowest of the `wanted` best among the groups' best.
  @inline(__always)
  private func bound(of values: UnsafePointer<Double>, wanted: Int) -> Double {
    let groups = (wanted &* 4 / 3 &+ 7) & ~7
    guard groups &* 2 <= experts else { return -.infinity }
    maxima.update(from: values, count: groups)
    // Experts of the last row, which may be a short one, are in no group: the bound is a bound all
    // the same.
    var first = groups
    while first &+ groups <= experts {
      var group = 0
      while group < groups {
        let value = values[first &+ group]
        maxima[group] = maxima[group] < value ? value : maxima[group]
        group &+= 1
      }
      first &+= groups
    }
    var bound = Double.infinity
    var group = 0
    while group < groups {
      let isWanted = Self.above(maxima[group], in: maxima, count: groups) < wanted
      bound = isWanted && maxima[group] < bound ? maxima[group] : bound
      group &+= 1
    }
    return bound
  }

  /// Makes candidates of the experts that reach a bound; returns how many.
  @inline(__always)
  private func gather(_ values: UnsafePointer<Double>, reaching bound: Double) -> Int {
    var count = 0
    var expert = 0
    while expert < experts {
      candidates[count] = values[expert]
      ids[count] = UInt16(truncatingIfNeeded: expert)
      count &+= values[expert] >= bound ? 1 : 0
      expert &+= 1
    }
    (candidates + count).update(repeating: -.infinity, count: Self.few)
    return count
  }

  /// Places candidates; returns false where ties leave a place free, so that they are not placed
  /// right.
  @inline(__always)
  private func place(_ count: Int, wanted: Int) -> Bool {
    places.update(repeating: Self.nobody, count: wanted)
    // The lower id comes last, and so stays.
    var candidate = count &- 1
    if count <= Self.few {
      while candidate >= 0 {
        places[Self.aboveFew(candidates[candidate], in: candidates)] = UInt16(
          truncatingIfNeeded: candidate)
        candidate &-= 1
      }
    } else {
      while candidate >= 0 {
        places[Self.above(candidates[candidate], in: candidates, count: count)] = UInt16(
          truncatingIfNeeded: candidate)
        candidate &-= 1
      }
    }
    var isFull = true
    var place = 0
    while place < wanted {
      isFull = isFull && places[place] != Self.nobody
      place &+= 1
    }
    return isFull
  }

  /// Places candidates of which some are equal: each behind its equals of lower ids.
  @inline(never)
  private func placeTies(_ count: Int, wanted: Int) {
    places.update(repeating: Self.nobody, count: wanted)
    for candidate in 0..<count {
      var place = Self.above(candidates[candidate], in: candidates, count: count)
      while place < wanted, places[place] != Self.nobody { place &+= 1 }
      if place < wanted { places[place] = UInt16(truncatingIfNeeded: candidate) }
    }
  }

  /// How many of the first `count` values are above `own`; values behind, up to a multiple of eight,
  /// count too.
  @inline(__always)
  private static func above(
    _ own: Double, in values: UnsafePointer<Double>, count: Int
  ) -> Int {
    let own = SIMD4(repeating: own)
    var even = SIMD4<Int64>()
    var odd = SIMD4<Int64>()
    var index = 0
    while index < count {
      even = even &+ signs(values + index, own)
      odd = odd &+ signs(values + (index &+ lanes), own)
      index &+= 2 &* lanes
    }
    return 0 &- Int((even &+ odd).wrappedSum())
  }

  /// How many of the first ``few`` values are above `own`.
  @inline(__always)
  private static func aboveFew(_ own: Double, in values: UnsafePointer<Double>) -> Int {
    let own = SIMD4(repeating: own)
    let first = signs(values, own) &+ signs(values + lanes, own)
    let second = signs(values + (2 &* lanes), own) &+ signs(values + (3 &* lanes), own)
    let third = signs(values + (4 &* lanes), own) &+ signs(values + (5 &* lanes), own)
    return 0 &- Int((first &+ second &+ third).wrappedSum())
  }

  /// -1 for each of four values that is above `own`.
  @inline(__always)
  private static func signs(
    _ values: UnsafePointer<Double>, _ own: SIMD4<Double>
  ) -> SIMD4<Int64> {
    let four = UnsafeRawPointer(values).loadUnaligned(as: SIMD4<Double>.self)
    return unsafeBitCast(four .> own, to: SIMD4<Int64>.self)
  }
}
