import Counting
import RoutingTrace

/// Finds the stored paths most like a token's, layer by layer, and lets them vote on what the token
/// chooses next: the kernel behind the parts `near-paths`, `long-paths` and `best-paths` of a
/// ``Mixture``.
///
/// For every token it begins with the tokens that followed the previous token's best matches,
/// selects more by what they chose in the first two layers, compares all candidates with the token
/// in every further layer, and before each layer sums what the best of them chose there.
///
/// A full comparison with 16,384 paths in every layer would cost more than all other parts
/// together. Only the tokens that match best in the first two layers, and those that follow the
/// previous token's candidates, are candidates for the rest; it costs less than 0.001 of recall.
/// The matches of the first two layers are counted for 512 slots at a time in bit planes.
///
/// Unsafe: ids were checked by `RoutingTrace/TokenBlock`, slots are below the memory's capacity,
/// candidates below `room`.
final class PathSearch {
  /// Bit planes of the counts of matches in the first layers: counts up to 31.
  static let planes = 5
  /// 64-bit words of a line of memory.
  private static let wordsOfLine = 8
  /// Slots of the memory.
  let capacity: Int
  /// MoE layers of a path.
  let layers: Int
  /// 64-bit words of a set of experts.
  let words: Int
  /// Where a stored token's set lies: a plane a slot, a row a layer.
  let sets: RowMajor
  /// Words of a bitmap over slots.
  let mapWords: Int
  /// Candidates that there is room for: the most that there can be, in whole 32s.
  static let room = (PathMemory.maximumCandidates + 31) / 32 * 32
  /// ``PathSearch/room`` where loops use it.
  let room = PathSearch.room
  /// The mixture's options: horizon and parts.
  let options: MixtureOptions
  private var horizon: Int { options.horizon }
  /// The metrics by which candidates are compared.
  let metrics = PathMemory.metrics
  /// Whether the mixture uses the part of each metric.
  let isHeard: [Bool]

  // Bitmaps over slots: counts of the first layers' matches, and the sets that selection works on.
  /// Bitmaps over slots, `[layer < 2, bit, word]`: how many of the token's experts each slot's token
  /// chose in the layers up to this, a bit of the count in each.
  let plane: UnsafeMutablePointer<UInt64>
  /// Whether ``plane`` counts all matches that there can be in the first layers.
  let planesSuffice: Bool
  /// Bitmap over slots: those that just reach the threshold of matches.
  let open: UnsafeMutablePointer<UInt64>
  /// Bitmap over slots: those that have more matches, and are candidates.
  let taken: UnsafeMutablePointer<UInt64>
  /// Bitmap over slots: candidates because the token before them was one.
  var historic: UnsafeMutablePointer<UInt64>
  /// A slot's place among the candidates, where it is historic.
  let places: UnsafeMutablePointer<Int32>
  // Candidates: slots, scores by metric, the sets of the later layers, and their next generation.
  /// `[candidate]`: the candidates' slots, the most recent token first.
  var slots: UnsafeMutablePointer<Int32>
  /// `[metric, candidate]`: how well each matches the token so far, in 64ths of an expert.
  var scores: UnsafeMutablePointer<Int32>
  /// The next generation of ``slots``, while candidates are selected anew.
  var nextSlots: UnsafeMutablePointer<Int32>
  /// The next generation of ``scores``.
  var nextScores: UnsafeMutablePointer<Int32>
  /// `[layer, word, candidate]`: the candidates' sets of some layers side by side.
  var gathered: UnsafeMutablePointer<UInt64>
  /// Layers whose sets are gathered at a time: all, where a token is looked at in one go; as many as
  /// share a line of memory with a stored token's next set, where somebody waits for every layer.
  let window: Int
  /// `[candidate]`: experts shared with the token in the layer that is looked at.
  let overlap: UnsafeMutablePointer<Int32>
  /// `[layer, word]`: the token's own sets, as far as known.
  var own: UnsafeMutablePointer<UInt64>
  /// A metric's weight of a vote by sixteenths of an expert below the best.
  let voteWeights: UnsafeMutablePointer<Float>
  /// Steps of ``voteWeights`` a metric; voters further below the best count nothing.
  let voteSteps = 128
  /// Four sums of votes an expert.
  let banks: UnsafeMutablePointer<Float>
  /// Candidates that there are.
  var count = 0
  /// Layers whose matches ``plane`` counts for the token that is searched for.
  var countedLayers = 0
  /// Whose token that is, where several take turns.
  var owner: ObjectIdentifier?

  /// The memory searched, while this search has it.
  var memory: PathMemory?

  /// A search that takes the memory over, for whole tokens.
  convenience init(memory: consuming PathMemory, options: MixtureOptions) {
    self.init(of: memory, options: options, window: memory.layers)
    self.memory = memory
  }

  /// A search in memories such as this, for tokens whose layers somebody waits for one by one.
  convenience init(following memory: borrowing PathMemory, options: MixtureOptions) {
    self.init(
      of: memory, options: options,
      window: max(1, min(Self.wordsOfLine / memory.words, memory.layers)))
  }

  /// A search in memories such as this, which it does not keep.
  init(of memory: borrowing PathMemory, options: MixtureOptions, window: Int) {
    self.window = window
    capacity = memory.capacity
    layers = memory.layers
    words = memory.words
    sets = memory.sets
    mapWords = capacity / 64
    self.options = options
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
    plane = words64(PathMemory.selecting * Self.planes * mapWords)
    planesSuffice = PathMemory.selecting * memory.topK < 1 << Self.planes
    open = words64(mapWords)
    taken = words64(mapWords)
    historic = words64(mapWords)
    places = words32(capacity)
    slots = words32(room)
    scores = words32(room * metrics)
    nextSlots = words32(room)
    nextScores = words32(room * metrics)
    gathered = words64(window * room * words)
    overlap = words32(room)
    own = words64(layers * words)
    banks = .allocate(capacity: 4 * (memory.experts + 7))
    voteWeights = .allocate(capacity: metrics * voteSteps)
    for (index, metric) in PathMemory.metrics.enumerated() {
      for step in 0..<voteSteps {
        (voteWeights + index * voteSteps + step).initialize(
          to: FloatMath.exp(-metric.sharpness * Float(step) / 16))
      }
    }
  }

  /// Bytes of the largest part of it, the sets of all candidates.
  static func bytes(shape: TraceShape) -> Int {
    shape.layers * room * (shape.experts + 63) / 64 * 8
  }

  deinit {
    for pointer in [plane, open, taken, historic, gathered, own] { pointer.deallocate() }
    for pointer in [places, slots, scores, nextSlots, nextScores, overlap] { pointer.deallocate() }
    voteWeights.deallocate()
    banks.deallocate()
  }

  /// Searches for the tokens `range` of `block` in order, writes their votes, and stores their
  /// paths if `learns`.
  func search(
    _ block: EventBlock, range: Range<Int>, into votes: PathVotes, learns: Bool
  ) {
    guard var memory = takeMemory() else { return }
    defer { self.memory = memory }
    for token in range {
      let owner = block.owners[token]
      let place = Int(owner.place)
      readPath(block, token)
      if options.isFresh(owner) {
        memory.lastStored[place] = -1
        memory.trails.counts[place] = 0
      }
      follow(place, memory.trails, memory)
      for state in 0..<layers {
        vote(state: state, token: token - range.lowerBound, memory, votes)
        advance(state, memory)
      }
      leaveTrail(place, &memory.trails, written: memory.written)
      if learns {
        store(place, &memory)
      } else {
        memory.lastStored[place] = -1
      }
    }
  }

  /// Lets the candidates vote on the layers that are forecast when the token's first `state` layers
  /// are known.
  ///
  /// - Parameter token: the token's row in `votes`.
  func vote(state: Int, token: Int, _ memory: PathMemory, _ votes: PathVotes) {
    for layer in targets(state) {
      let at = votes.index(layer: layer, token: token)
      for metric in isHeard.indices where isHeard[metric] {
        vote(metric, layer, memory, at + metric, votes)
      }
    }
  }

  /// Takes the token's choice in `layer` into account, which `own` holds: scores, and in the first
  /// layers the candidates themselves.
  func advance(_ layer: Int, _ memory: PathMemory) {
    if layer < PathMemory.selecting {
      while countedLayers <= layer {
        countMatches(countedLayers, memory)
        countedLayers += 1
      }
      compare(layer, memory)
      select(layer, memory)
    } else {
      if gatheredPlace(layer) == 0 { gather(from: layer, memory) }
      compare(layer, memory)
    }
  }

  /// The place of a layer, none of the selecting ones, among those that are gathered together.
  func gatheredPlace(_ layer: Int) -> Int { (layer - PathMemory.selecting) % window }

  /// Gives the memory back.
  func takeMemory() -> PathMemory? {
    defer { memory = nil }
    return memory
  }

  /// The layers that are forecast when the token's first `state` layers are known.
  func targets(_ state: Int) -> Range<Int> {
    if horizon == 0 { return state == 0 ? 0..<layers : 0..<0 }
    let last = state + horizon - 1
    if state == 0 { return 0..<min(horizon, layers) }
    return last < layers ? last..<last + 1 : 0..<0
  }

  /// Reads the token's choices in all layers into ``own``.
  func readPath(_ block: EventBlock, _ token: Int) {
    begin()
    block.ids.withUnsafeBufferPointer { ids in
      for layer in 0..<layers {
        for at in block.slots[layer, token] where ids[at] != TokenBlock.emptySlot {
          let id = Int(ids[at])
          own[layer * words + id >> 6] |= 1 << UInt64(id & 63)
        }
      }
    }
  }

  /// Forgets the token's own choices.
  func begin() {
    own.update(repeating: 0, count: layers * words)
    countedLayers = 0
  }

  /// Notes what the token chose in `layer`.
  ///
  /// - Precondition: ids of the shape's experts.
  func note(_ chosen: Span<UInt16>, layer: Int) {
    for index in chosen.indices {
      let id = chosen[index]
      own[layer * words + Int(id) >> 6] |= 1 << UInt64(id & 63)
    }
  }

  /// Begins a token with those that followed the previous token's candidates; with none where it
  /// left no trail.
  func follow(_ place: Int, _ trails: PathTrails, _ memory: PathMemory) {
    count = 0
    let first = place * PathMemory.followed
    for index in 0..<Int(trails.counts[place]) {
      let token = Int(trails.tokens[first + index])
      guard memory.written - token <= capacity else { continue }
      let next = Int(memory.successors[token & (capacity - 1)])
      guard next >= 0, memory.written - next <= capacity else { continue }
      let slot = next & (capacity - 1)
      slots[count] = Int32(slot)
      for metric in metrics.indices {
        let score = Int(trails.scores[(first + index) * metrics.count + metric])
        // The product needs 64 bits: scores of 4,096 layers of top-64 reach 2^25, times 2^8.
        scores[metric * room + count] = Int32(
          truncatingIfNeeded: (score &* Int(metrics[metric].historyKeep)) &>> 8)
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
          overlap[index] = matches(masks, Int(slots[index]), layer) &<< PathMemory.unitShift
          index += 1
        }
      }
    } else if words == 1 {
      let wanted = own[layer]
      let sets = gathered + gatheredPlace(layer) * room
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
        let sets = gathered + (gatheredPlace(layer) * words + word) * room
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

  /// The greatest share of the token's choices in its first `layers` layers that one candidate
  /// made too; 0 without candidates, nil where the token has chosen nothing.
  func bestMatch(layers known: Int, _ memory: PathMemory) -> Double? {
    let chosen = (0..<known * words).reduce(0) { $0 + own[$1].nonzeroBitCount }
    guard chosen > 0 else { return nil }
    var best = 0
    memory.masks.withUnsafeBufferPointer { masks in
      for index in 0..<count {
        let slot = Int(slots[index])
        best = max(best, (0..<known).reduce(0) { $0 + shared(masks, slot, $1) })
      }
    }
    return Double(best) / Double(chosen)
  }

  /// Experts that a stored token shares with the token in `layer`.
  @inline(__always)
  func shared(_ masks: UnsafeBufferPointer<UInt64>, _ slot: Int, _ layer: Int) -> Int {
    let at = sets[slot, layer, 0]
    var bits = 0
    var word = 0
    while word < words {
      bits &+= (masks[at + word] & own[layer * words + word]).nonzeroBitCount
      word += 1
    }
    return bits
  }
}
