import CVectorShims
import RoutingTrace

/// What the best candidates chose, weighted by how well they match.
extension PathSearch {
  /// Lets the best candidates vote on `layer`.
  func vote(
    _ metric: Int, _ layer: Int, _ memory: PathMemory, _ at: Int, _ votes: PathVotes
  ) {
    let rule = metrics[metric]
    let scores = scores + metric * room
    let count = count
    let out = votes.votes + at * votes.lanes
    var best: Int32 = 0
    var index = 0
    while index < count {
      best = max(best, scores[index])
      index += 1
    }
    votes.weights[at] = 0
    guard best > 0 else {
      out.update(repeating: 0, count: votes.lanes)
      return
    }
    let threshold = max(1, best &- Int32(rule.slack) &<< PathMemory.unitShift)
    let weights = voteWeights + metric * voteSteps
    // Four sums an expert, taken in turns: one alone would wait for itself, since most voters
    // agree.
    banks.update(repeating: 0, count: 4 * votes.lanes)
    var total: Float = 0
    var left = rule.voters
    memory.masks.withUnsafeBufferPointer { masks in
      index = 0
      while index < count, left > 0 {
        // `room` is whole words of 32: what lies beyond `count` is read but not heard.
        var voters = processor_reaching(scores + index, threshold)
        if count &- index < 32 { voters &= (1 &<< UInt32(count &- index)) &- 1 }
        while voters != 0, left > 0 {
          let voter = index &+ voters.trailingZeroBitCount
          voters &= voters &- 1
          let weight = weights[Int((best &- scores[voter]) &>> 2)]
          total += weight
          let bank = banks + (left & 3) &* votes.lanes
          let set = sets[Int(slots[voter]), layer, 0]
          var word = 0
          while word < words {
            var bits = masks[set + word]
            while bits != 0 {
              bank[word &* 64 &+ bits.trailingZeroBitCount] += weight
              bits &= bits &- 1
            }
            word += 1
          }
          left &-= 1
        }
        index &+= 32
      }
    }
    index = 0
    while index < votes.lanes {
      let low = banks.eight(index) + banks.eight(votes.lanes &+ index)
      let high = banks.eight(2 &* votes.lanes &+ index) + banks.eight(3 &* votes.lanes &+ index)
      out.put(low + high, index)
      index &+= 8
    }
    votes.weights[at] = total
  }
}
