import RoutingTrace

/// What a token leaves behind: its path, and the candidates of its request's next token.
extension PathSearch {
  /// Remembers the candidates that match best, for the request's next token.
  ///
  /// - Parameter written: tokens that the memory has ever stored.
  func leaveTrail(_ place: Int, _ trails: inout PathTrails, written: Int) {
    let limit = PathMemory.followed
    var best: Int32 = 0
    for index in 0..<count { best = max(best, scores[index]) }
    var shift: Int32 = 0
    while best >> shift > 255 { shift += 1 }
    var kept = 0
    withUnsafeTemporaryAllocation(of: Int.self, capacity: 256) { histogram in
      histogram.initialize(repeating: 0)
      for index in 0..<count { histogram[Int(scores[index] >> shift)] += 1 }
      var threshold = 255
      var above = 0
      while threshold > 0, above + histogram[threshold] <= limit {
        above += histogram[threshold]
        threshold -= 1
      }
      var equals = limit - above
      for index in 0..<count {
        let bucket = Int(scores[index] >> shift)
        if bucket < threshold { continue }
        if bucket == threshold {
          if equals == 0 { continue }
          equals -= 1
        }
        let slot = Int(slots[index])
        // The number of the token in the slot is the latest one that falls there: numbers are taken
        // modulo the capacity.
        let age = (written - 1 - slot) & (capacity - 1)
        let at = place * limit + kept
        trails.tokens[at] = Int32(written - 1 - age)
        for metric in metrics.indices {
          trails.scores[at * metrics.count + metric] = scores[metric * room + index]
        }
        kept += 1
      }
    }
    trails.counts[place] = Int32(kept)
  }

  /// Stores the token's path in place of the oldest.
  func store(_ place: Int, _ memory: inout PathMemory) {
    let number = memory.written
    let slot = number & (capacity - 1)
    let first = slot * layers * words
    let bit: UInt64 = 1 << UInt64(slot & 63)
    for layer in 0..<min(PathMemory.selecting, layers) {
      for word in 0..<words {
        var old = memory.masks[first + layer * words + word]
        while old != 0 {
          let expert = word * 64 + old.trailingZeroBitCount
          memory.columns[(layer * memory.experts + expert) * mapWords + slot >> 6] &= ~bit
          old &= old - 1
        }
        var new = own[layer * words + word]
        while new != 0 {
          let expert = word * 64 + new.trailingZeroBitCount
          memory.columns[(layer * memory.experts + expert) * mapWords + slot >> 6] |= bit
          new &= new - 1
        }
      }
    }
    for at in 0..<layers * words { memory.masks[first + at] = own[at] }
    memory.successors[slot] = -1
    let last = Int(memory.lastStored[place])
    if last >= 0, number - last <= capacity - 1 {
      memory.successors[last & (capacity - 1)] = Int32(number)
    }
    memory.lastStored[place] = Int32(number)
    memory.written += 1
  }
}
