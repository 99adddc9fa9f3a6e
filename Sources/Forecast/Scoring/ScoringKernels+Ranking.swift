import CVectorShims
import Counting

/// Ranks by approximate scores, decided exactly where those lie near to each other.
extension ScoringKernels {
  /// Ranks by `scores`, which are at most `top`.
  ///
  /// Twice as many experts go into a vector by the upper 16 bits: steps of a 2048th, from `top`
  /// down to `top` times 2^-32. Only where one lies in a chosen expert's own step are all bits
  /// looked at.
  ///
  /// - Parameters:
  ///   - given: how many `rows` the scores come from.
  ///   - band: by how many units in the last place two scores may be in the wrong order.
  ///   - precedes: whether an expert stands before a chosen one, from other counts.
  @inline(__always)
  func rank<let constant: Int>(
    _ chosen: ExpertSet, _ topK: TopK<constant>, given: Int, top: Float, band: Int32,
    _ counts: CountsView, precedes: (_ expert: Int, _ chosen: Int) -> Bool
  ) {
    let chosen = chosen.counted(topK)
    // Positive floats order as their bit patterns do.
    let bits = UnsafeRawPointer(scores).assumingMemoryBound(to: Int32.self)
    let zero = Int32(bitPattern: top.bitPattern) &- Self.topKey << Self.shortening
    processor_shorten(bits, keys, blocks, zero, Self.shortening)
    var slot = 0
    while slot < chosen.count {
      let own = bits[chosen[slot]]
      lowest[slot] = shortKey(own &- band, zero)
      highest[slot] = shortKey(own &+ band, zero)
      slot &+= 1
    }
    countOutside(chosen.count)
    let others = blocks &* Int32(Self.block) &- 1
    var open: Int32 = 0
    slot = 0
    while slot < chosen.count {
      open |= ranks[slot] &+ below[slot] ^ others
      slot &+= 1
    }
    guard open != 0 else { return }
    slot = 0
    while slot < chosen.count {
      if ranks[slot] &+ below[slot] != others {
        ranks[slot] = exactRank(
          chosen[slot], given: given, band: band, counts, precedes: precedes)
      }
      slot &+= 1
    }
  }

  /// Bits that a score loses when it becomes a 16-bit key.
  private static var shortening: Int32 { 12 }
  /// The key of `top`: rounding leaves some room above.
  private static var topKey: Int32 { 32_000 }

  /// The key of a score, given as its bits; `zero` is where keys begin.
  @inline(__always)
  private func shortKey(_ bits: Int32, _ zero: Int32) -> Int16 {
    Int16(truncatingIfNeeded: max((bits &- zero) >> Self.shortening, Int32(Int16.min)))
  }

  /// Counts the keys above each slot's, into `ranks`, and below it.
  @inline(__always)
  private func countOutside(_ count: Int) {
    var slot = 0
    while slot &+ 4 <= count {
      processor_count_outside_four(
        keys, blocks, lowest + slot, highest + slot, ranks + slot, below + slot)
      slot &+= 4
    }
    while slot < count {
      let outside = processor_count_outside(keys, blocks, lowest[slot], highest[slot])
      ranks[slot] = outside.above
      below[slot] = outside.below
      slot &+= 1
    }
  }

  /// The rank of an expert that others lie near to.
  ///
  /// Experts of the same counts have the same probability, and the lower id is before.
  @inline(never)
  private func exactRank(
    _ expert: Int, given: Int, band: Int32, _ counts: CountsView,
    precedes: (_ expert: Int, _ chosen: Int) -> Bool
  ) -> Int32 {
    let bits = UnsafeRawPointer(scores).assumingMemoryBound(to: Int32.self)
    let upper = bits[expert] &+ band
    // One below the band: `>` is one instruction on vectors, `>=` is two.
    let below = bits[expert] &- band &- 1
    var above: Int32 = 0
    var near: Int32 = 0
    var j = 0
    while j < experts {
      above &-= bits[j] > upper ? -1 : 0
      near &-= bits[j] > below ? -1 : 0
      j &+= 1
    }
    // Mostly the 16-bit keys alone could not tell the experts apart, and by all bits no other
    // expert is near this one: then its rank is known.
    guard near &- above > 1 else { return above }
    noteDifferences(from: expert, given, counts)
    let differences = differences
    var equal: Int32 = 0
    j = 0
    while j < experts {
      equal &-= differences[j] == 0 ? -1 : 0
      j &+= 1
    }
    var before: Int32 = 0
    j = 0
    while j < expert {
      before &-= differences[j] == 0 ? -1 : 0
      j &+= 1
    }
    // Of the experts near to it those with other counts are compared by the formula.
    var open = near &- above &- equal
    j = 0
    while open > 0, j < experts {
      if bits[j] > below, bits[j] <= upper, differences[j] != 0 {
        before &+= precedes(j, expert) ? 1 : 0
        open &-= 1
      }
      j &+= 1
    }
    return above &+ before
  }

  /// Writes `differences`: 0 for every expert whose counts are those of `expert`.
  @inline(__always)
  private func noteDifferences(from expert: Int, _ given: Int, _ counts: CountsView) {
    let differences = differences
    let frequency = counts.cellsBase
    let own = frequency[expert]
    var j = 0
    while j < experts {
      differences[j] = frequency[j] ^ own
      j &+= 1
    }
    var index = 0
    while index &+ 4 <= given {
      let (a, b, c, d) = (rows[index], rows[index &+ 1], rows[index &+ 2], rows[index &+ 3])
      let (ownA, ownB, ownC, ownD) = (a[expert], b[expert], c[expert], d[expert])
      j = 0
      while j < experts {
        differences[j] |= (a[j] ^ ownA) | (b[j] ^ ownB) | (c[j] ^ ownC) | (d[j] ^ ownD)
        j &+= 1
      }
      index &+= 4
    }
    while index < given {
      let row = rows[index]
      let own = row[expert]
      j = 0
      while j < experts {
        differences[j] |= row[j] ^ own
        j &+= 1
      }
      index &+= 1
    }
  }
}
