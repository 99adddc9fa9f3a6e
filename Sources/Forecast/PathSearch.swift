import RoutingTrace

/// Finds the stored paths most like a token's, layer by layer, and lets them vote.
///
/// A full comparison with 16,384 paths in every layer would cost more than all other parts together.
/// Only the tokens that match best in the first two layers, and those that follow the previous
/// token's candidates, are candidates for the rest; it costs less than 0.001 of recall. The matches
/// of the first two layers are counted for 512 slots at a time in bit planes.
///
/// Unsafe: the kernel of the path parts. Ids were checked by ``TokenBlock``, slots are below the
/// memory's capacity, candidates below `room`.
final class PathSearch {
  private static let planes = 5
  private let capacity: Int
  let layers: Int
  let words: Int
  private let topK: Int
  /// Words of a bitmap over slots.
  private let mapWords: Int
  private let room = PathMemory.maximumCandidates
  private let horizon: Int
  private let metrics = PathMemory.metrics
  let isHeard: [Bool]

  // Bitmaps over slots: counts of the first layers' matches, and the sets that selection works on.
  private let plane: UnsafeMutablePointer<UInt64>
  private let open: UnsafeMutablePointer<UInt64>
  private let taken: UnsafeMutablePointer<UInt64>
  private let historic: UnsafeMutablePointer<UInt64>
  /// A slot's place among the candidates, where it is historic.
  private let places: UnsafeMutablePointer<Int32>
  // Candidates: slots, scores by metric, the sets of the later layers, and their next generation.
  private var slots: UnsafeMutablePointer<Int32>
  private var scores: UnsafeMutablePointer<Int32>
  private var nextSlots: UnsafeMutablePointer<Int32>
  private var nextScores: UnsafeMutablePointer<Int32>
  private let gathered: UnsafeMutablePointer<UInt64>
  private let overlap: UnsafeMutablePointer<Int32>
  /// The token's own sets.
  let own: UnsafeMutablePointer<UInt64>
  /// A metric's weight of a vote by sixteenths of an expert below the best.
  private let voteWeights: UnsafeMutablePointer<Float>
  private let voteSteps = 128
  var count = 0

  /// The memory searched, while this search has it.
  var memory: PathMemory?

  init(memory: PathMemory, options: MixtureOptions) {
    self.memory = memory
    capacity = memory.capacity
    layers = memory.layers
    words = memory.words
    topK = memory.topK
    mapWords = capacity / 64
    horizon = options.horizon
    isHeard = PathMemory.metrics.map { options.parts.contains($0.part) }
    let metrics = PathMemory.metrics.count
    func words64(_ count: Int) -> UnsafeMutablePointer<UInt64> {
      let pointer = UnsafeMutablePointer<UInt64>.allocate(capacity: count)
      pointer.initialize(repeating: 0, count: count)
      return pointer
    }
    func words32(_ count: Int) -> UnsafeMutablePointer<Int32> {
      let pointer = UnsafeMutablePointer<Int32>.allocate(capacity: count)
      pointer.initialize(repeating: 0, count: count)
      return pointer
    }
    plane = words64(Self.planes * mapWords)
    open = words64(mapWords)
    taken = words64(mapWords)
    historic = words64(mapWords)
    places = words32(capacity)
    slots = words32(room)
    scores = words32(room * metrics)
    nextSlots = words32(room)
    nextScores = words32(room * metrics)
    gathered = words64(layers * room * words)
    overlap = words32(room)
    own = words64(layers * words)
    voteWeights = .allocate(capacity: metrics * voteSteps)
    for (index, metric) in PathMemory.metrics.enumerated() {
      for step in 0..<voteSteps {
        (voteWeights + index * voteSteps + step).initialize(
          to: FloatMath.exp(-metric.sharpness * Float(step) / 16))
      }
    }
  }

  deinit {
    for pointer in [plane, open, taken, historic, gathered, own] { pointer.deallocate() }
    for pointer in [places, slots, scores, nextSlots, nextScores, overlap] { pointer.deallocate() }
    voteWeights.deallocate()
  }

  /// Searches for the tokens `range` of `block` in order, writes their votes, and stores their paths
  /// if `learns`.
  func search(
    _ block: EventBlock, owners: [RequestSlots.Owner], range: Range<Int>, into votes: PathVotes,
    learns: Bool
  ) {
    guard var memory = takeMemory() else { return }
    defer { self.memory = memory }
    for token in range {
      let owner = owners[token]
      let request = Int(owner.slot)
      readPath(block, token)
      count = 0
      if owner.isFresh {
        memory.lastStored[request] = -1
        memory.trailCounts[request] = 0
      } else {
        follow(request, memory)
      }
      for state in 0..<layers {
        for layer in targets(state) {
          let at = votes.index(layer: layer, token: token - range.lowerBound)
          for metric in isHeard.indices where isHeard[metric] {
            vote(metric, layer, memory, at + metric, votes)
          }
        }
        compare(state, memory)
        if state < PathMemory.selecting {
          select(state, memory)
          if state == min(PathMemory.selecting, layers) - 1 { gather(memory) }
        }
      }
      leaveTrail(request, &memory)
      if learns {
        store(request, &memory)
      } else {
        memory.lastStored[request] = -1
      }
    }
  }

  /// Gives the memory back.
  func takeMemory() -> PathMemory? {
    defer { memory = nil }
    return memory
  }

  /// The layers that are forecast when the token's first `state` layers are known.
  private func targets(_ state: Int) -> Range<Int> {
    if horizon == 0 { return state == 0 ? 0..<layers : 0..<0 }
    let last = state + horizon - 1
    if state == 0 { return 0..<min(horizon, layers) }
    return last < layers ? last..<last + 1 : 0..<0
  }

  private func readPath(_ block: EventBlock, _ token: Int) {
    own.update(repeating: 0, count: layers * words)
    block.ids.withUnsafeBufferPointer { ids in
      for layer in 0..<layers {
        let first = (layer * block.rows + token) * topK
        var slot = 0
        while slot < topK, ids[first + slot] != TokenBlock.emptySlot {
          let id = Int(ids[first + slot])
          own[layer * words + id >> 6] |= 1 << UInt64(id & 63)
          slot += 1
        }
      }
    }
  }

  /// Begins with the tokens that followed the previous token's candidates.
  func follow(_ request: Int, _ memory: PathMemory) {
    let first = request * PathMemory.followed
    for index in 0..<Int(memory.trailCounts[request]) {
      let token = Int(memory.trailTokens[first + index])
      guard memory.written - token <= capacity else { continue }
      let next = Int(memory.successors[token & (capacity - 1)])
      guard next >= 0, memory.written - next <= capacity else { continue }
      let slot = next & (capacity - 1)
      slots[count] = Int32(slot)
      for metric in metrics.indices {
        let score = memory.trailScores[(first + index) * metrics.count + metric]
        scores[metric * room + count] = (score &* metrics[metric].historyKeep) &>> 8
      }
      count += 1
    }
  }

  /// Counts what the candidates share with the token in layer `layer`.
  func compare(_ layer: Int, _ memory: PathMemory) {
    let count = count
    let words = words
    if layer < PathMemory.selecting {
      memory.masks.withUnsafeBufferPointer { masks in
        var index = 0
        while index < count {
          overlap[index] = Int32(shared(masks, Int(slots[index]), layer)) &<< PathMemory.unitShift
          index += 1
        }
      }
    } else if words == 1 {
      let wanted = own[layer]
      let sets = gathered + layer * room
      var index = 0
      while index < count {
        let bits = UInt32(truncatingIfNeeded: (sets[index] & wanted).nonzeroBitCount)
        overlap[index] = Int32(bitPattern: bits) &<< PathMemory.unitShift
        index += 1
      }
    } else {
      overlap.update(repeating: 0, count: count)
      for word in 0..<words {
        let wanted = own[layer * words + word]
        let sets = gathered + (layer * words + word) * room
        var index = 0
        while index < count {
          let bits = UInt32(truncatingIfNeeded: (sets[index] & wanted).nonzeroBitCount)
          overlap[index] &+= Int32(bitPattern: bits) &<< PathMemory.unitShift
          index += 1
        }
      }
    }
    for metric in metrics.indices {
      let keep = metrics[metric].layerKeep
      let scores = scores + metric * room
      var index = 0
      if keep == 256 {
        while index < count {
          scores[index] &+= overlap[index]
          index += 1
        }
      } else {
        while index < count {
          scores[index] = ((scores[index] &* keep) &>> 8) &+ overlap[index]
          index += 1
        }
      }
    }
  }

  /// Experts that a stored token shares with the token in `layer`.
  @inline(__always)
  private func shared(_ masks: UnsafeBufferPointer<UInt64>, _ slot: Int, _ layer: Int) -> Int {
    let at = (slot * layers + layer) * words
    var bits = 0
    var word = 0
    while word < words {
      bits &+= (masks[at + word] & own[layer * words + word]).nonzeroBitCount
      word += 1
    }
    return bits
  }

  /// Lets the best candidates vote on `layer`.
  func vote(
    _ metric: Int, _ layer: Int, _ memory: PathMemory, _ at: Int, _ votes: PathVotes
  ) {
    let rule = metrics[metric]
    let scores = scores + metric * room
    let count = count
    let out = votes.votes + at * votes.lanes
    out.update(repeating: 0, count: votes.lanes)
    var best: Int32 = 0
    var index = 0
    while index < count {
      best = max(best, scores[index])
      index += 1
    }
    votes.weights[at] = 0
    guard best > 0 else { return }
    let threshold = max(1, best &- Int32(rule.slack) &<< PathMemory.unitShift)
    let weights = voteWeights + metric * voteSteps
    var total: Float = 0
    var left = rule.voters
    memory.masks.withUnsafeBufferPointer { masks in
      index = 0
      while index < count, left > 0 {
        if scores[index] >= threshold {
          let weight = weights[Int((best &- scores[index]) &>> 2)]
          total += weight
          let set = (Int(slots[index]) * layers + layer) * words
          var word = 0
          while word < words {
            var bits = masks[set + word]
            while bits != 0 {
              out[word &* 64 &+ bits.trailingZeroBitCount] += weight
              bits &= bits &- 1
            }
            word += 1
          }
          left &-= 1
        }
        index += 1
      }
    }
    votes.weights[at] = total
  }

  /// Replaces the candidates by those that match best in the layers up to `layer`, and keeps the
  /// ones with a history.
  func select(_ layer: Int, _ memory: PathMemory) {
    countMatches(layer, memory)
    if layer == 0 {
      historic.update(repeating: 0, count: mapWords)
      for index in 0..<count {
        let slot = Int(slots[index])
        historic[slot >> 6] |= 1 << UInt64(slot & 63)
      }
    }
    var index = 0
    while index < count {
      places[Int(slots[index])] = Int32(truncatingIfNeeded: index)
      index += 1
    }
    listBest(memory.written, equals: takeBest())
    let room = room
    memory.masks.withUnsafeBufferPointer { masks in
      for metric in metrics.indices {
        let keep = metrics[metric].layerKeep
        let old = scores + metric * room
        let new = nextScores + metric * room
        var index = 0
        while index < count {
          let slot = Int(nextSlots[index])
          if historic[slot >> 6] >> UInt64(slot & 63) & 1 == 1 {
            new[index] = old[Int(places[slot])]
          } else {
            var score: Int32 = 0
            var past = 0
            while past <= layer {
              let shared = Int32(truncatingIfNeeded: shared(masks, slot, past))
              score = ((score &* keep) &>> 8) &+ (shared &<< PathMemory.unitShift)
              past += 1
            }
            new[index] = score
          }
          index += 1
        }
      }
    }
    swap(&slots, &nextSlots)
    swap(&scores, &nextScores)
  }

  /// Adds the matches of `layer` to the bit planes, 512 slots at a time.
  private func countMatches(_ layer: Int, _ memory: PathMemory) {
    if layer == 0 { plane.update(repeating: 0, count: Self.planes * mapWords) }
    memory.columns.withUnsafeBufferPointer { columns in
      guard let base = columns.baseAddress else { return }
      let columns = UnsafeRawPointer(base + layer * memory.experts * mapWords)
      let planes = UnsafeMutableRawPointer(plane)
      let stride = mapWords * 8
      var block = 0
      while block < stride {
        var c0 = planes.loadUnaligned(fromByteOffset: block, as: SIMD8<UInt64>.self)
        var c1 = planes.loadUnaligned(fromByteOffset: stride + block, as: SIMD8<UInt64>.self)
        var c2 = planes.loadUnaligned(fromByteOffset: 2 * stride + block, as: SIMD8<UInt64>.self)
        var c3 = planes.loadUnaligned(fromByteOffset: 3 * stride + block, as: SIMD8<UInt64>.self)
        var c4 = planes.loadUnaligned(fromByteOffset: 4 * stride + block, as: SIMD8<UInt64>.self)
        var word = 0
        while word < words {
          var bits = own[layer * words + word]
          while bits != 0 {
            let expert = word &* 64 &+ bits.trailingZeroBitCount
            bits &= bits &- 1
            var carry = columns.loadUnaligned(
              fromByteOffset: expert * stride + block, as: SIMD8<UInt64>.self)
            let t0 = c0 & carry
            c0 ^= carry
            carry = t0
            let t1 = c1 & carry
            c1 ^= carry
            carry = t1
            let t2 = c2 & carry
            c2 ^= carry
            carry = t2
            let t3 = c3 & carry
            c3 ^= carry
            // Counts end at 31, more than two layers of top-15 can reach.
            c4 |= t3
          }
          word += 1
        }
        planes.storeBytes(of: c0, toByteOffset: block, as: SIMD8<UInt64>.self)
        planes.storeBytes(of: c1, toByteOffset: stride + block, as: SIMD8<UInt64>.self)
        planes.storeBytes(of: c2, toByteOffset: 2 * stride + block, as: SIMD8<UInt64>.self)
        planes.storeBytes(of: c3, toByteOffset: 3 * stride + block, as: SIMD8<UInt64>.self)
        planes.storeBytes(of: c4, toByteOffset: 4 * stride + block, as: SIMD8<UInt64>.self)
        block += 64
      }
    }
  }

  /// Marks in `taken` the slots with more matches than some threshold, at most ``PathMemory/matched``,
  /// and leaves in `open` those that just reach it.
  ///
  /// - Returns: how many of `open` there is room for.
  private func takeBest() -> Int {
    open.update(repeating: .max, count: mapWords)
    taken.update(repeating: 0, count: mapWords)
    var left = PathMemory.matched
    var threshold = 0
    for bit in (0..<Self.planes).reversed() {
      let plane = plane + bit * mapWords
      var inside = 0
      var word = 0
      while word < mapWords {
        inside &+= (open[word] & plane[word]).nonzeroBitCount
        word += 1
      }
      word = 0
      if inside <= left {
        left -= inside
        while word < mapWords {
          taken[word] |= open[word] & plane[word]
          open[word] &= ~plane[word]
          word += 1
        }
      } else {
        threshold |= 1 << bit
        while word < mapWords {
          open[word] &= plane[word]
          word += 1
        }
      }
    }
    return threshold > 0 ? left : 0
  }

  /// Lists every slot that is taken or historic and the `equals` most recent open ones, most recent
  /// first, as the next candidates.
  private func listBest(_ written: Int, equals: Int) {
    var equals = equals
    var next = 0
    let newest = written & (capacity - 1)
    // The newest slots stand below the cursor in its word, the oldest from the cursor on.
    let below: UInt64 = (1 << UInt64(newest & 63)) - 1
    var step = 0
    while step <= mapWords {
      let word = ((newest >> 6) &- step &+ mapWords) & (mapWords - 1)
      let visible = step == 0 ? below : step == mapWords ? ~below : .max
      let sure = taken[word] | historic[word]
      var bits = (equals > 0 ? sure | open[word] : sure) & visible
      while bits != 0 {
        let bit = 63 &- bits.leadingZeroBitCount
        let flag: UInt64 = 1 &<< UInt64(bit)
        bits &= ~flag
        if sure & flag == 0 {
          if equals == 0 { continue }
          equals &-= 1
        }
        nextSlots[next] = Int32(truncatingIfNeeded: word &* 64 &+ bit)
        next &+= 1
      }
      step += 1
    }
    count = next
  }

  /// Copies the candidates' sets of the later layers, layer by layer.
  func gather(_ memory: PathMemory) {
    memory.masks.withUnsafeBufferPointer { masks in
      for index in 0..<count {
        let first = Int(slots[index]) * layers * words
        var at = PathMemory.selecting * words
        while at < layers * words {
          gathered[at * room + index] = masks[first + at]
          at += 1
        }
      }
    }
  }

  /// Remembers the candidates that match best, for the request's next token.
  func leaveTrail(_ request: Int, _ memory: inout PathMemory) {
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
        // The number of the token in the slot: the latest that falls there.
        let age = (memory.written - 1 - slot) & (capacity - 1)
        let at = request * limit + kept
        memory.trailTokens[at] = Int32(memory.written - 1 - age)
        for metric in metrics.indices {
          memory.trailScores[at * metrics.count + metric] = scores[metric * room + index]
        }
        kept += 1
      }
    }
    memory.trailCounts[request] = Int32(kept)
  }

  /// Stores the token's path in place of the oldest.
  private func store(_ request: Int, _ memory: inout PathMemory) {
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
    let last = Int(memory.lastStored[request])
    if last >= 0, number - last <= capacity - 1 {
      memory.successors[last & (capacity - 1)] = Int32(number)
    }
    memory.lastStored[request] = Int32(number)
    memory.written += 1
  }
}
