/// A die that may take an expert's blocks.
struct Candidate {
  let die: Int
  /// The node it would read from.
  let source: Int
  let holds: Bool
  /// Seconds of the source's memory and of the way for the weights, and the way's latency there and
  /// back.
  let readSeconds: Double
  let waySeconds: Double
  let wayLatency: Double
  /// Has none of the expert's blocks yet.
  var isNew = true
}

/// The work that Algorithm 1 has given out so far: it names the dies that may take an expert's next
/// blocks, prices them, and books what they are given.
///
/// The order of the additions is the reference's: ties decide, so sums must agree to the last bit.
struct ListScheduler {
  private let options: AllocationOptions
  private let fabric: Fabric
  private let secondsPerRequest: Double
  private let weightBytes: Double
  /// Seconds given out so far to every die's compute and every node's memory, and to the link into
  /// every die.
  private var compute: [Double]
  private var memory: [Double]
  private var link: [Double]
  /// Of the expert at hand: the dies that may be candidates, and those that are; kept to use their
  /// memory again.
  private var order: [(load: Double, holds: Bool, die: Int)] = []
  private var candidates: [Candidate] = []
  /// By node: the latest expert, counted from 1, that found it among those.
  private var found: [Int]
  private var experts = 0

  init(cost: ExpertCost, options: AllocationOptions, fabric: Fabric) {
    self.options = options
    self.fabric = fabric
    secondsPerRequest = fabric.hardware.secondsPerRequest(cost)
    weightBytes = cost.weightBytes
    let zeros = Array(repeating: 0.0, count: fabric.nodes)
    (compute, memory, link) = (zeros, zeros, zeros)
    found = Array(repeating: 0, count: fabric.nodes)
  }

  /// Finds the dies that may take the expert's blocks: the least loaded, where not all may. Their
  /// order decides nothing beyond that, since prices and ranks do.
  private mutating func findCandidates(holding: [Int], requests: Int) {
    let dies = fabric.dies
    order.removeAll(keepingCapacity: true)
    experts += 1
    for die in holding where die < dies {
      found[die] = experts
      order.append((load(die), true, die))
    }
    for holder in holding {
      for die in fabric.neighbours(of: holder, within: options.candidateDistance)
      where found[die] != experts {
        found[die] = experts
        order.append((load(die), false, die))
      }
    }
    let perSplit = options.blocksPerSplit * options.blockSize
    let splits = max(1, min(order.count, (requests + perSplit - 1) / perSplit))
    if splits < order.count {
      order.sort { ($0.load, $0.holds ? 0 : 1, $0.die) < ($1.load, $1.holds ? 0 : 1, $1.die) }
      if options.keepsHolder, !order.prefix(splits).contains(where: \.holds),
        let holder = order.first(where: \.holds)
      {
        order[splits - 1] = holder
      }
    }
    candidates.removeAll(keepingCapacity: true)
    for place in order.prefix(splits) {
      candidates.append(candidate(place.die, holds: place.holds, holding: holding))
    }
  }

  private func load(_ die: Int) -> Double { max(max(compute[die], memory[die]), link[die]) }

  private func candidate(_ die: Int, holds: Bool, holding: [Int]) -> Candidate {
    func hops(_ node: Int) -> Int { fabric.hops(from: node, to: die) }
    let source =
      holds
      ? die
      : holding.min { (hops($0), memory[$0], $0) < (hops($1), memory[$1], $1) } ?? die
    let link = fabric.way(from: source, to: die).first
    return Candidate(
      die: die, source: source, holds: holds,
      readSeconds: weightBytes / fabric.memoryBandwidth[source],
      waySeconds: link.map { weightBytes / fabric.linkBandwidth[Int($0)] } ?? 0,
      wayLatency: 2 * fabric.wayLatency(from: source, to: die))
  }

  /// Deals an expert's requests block by block, each to the candidate of least cost; holders first,
  /// then lower numbers, on ties.
  ///
  /// Unsafe pointers: there is a price and a rank of every candidate, and no index but theirs.
  ///
  /// - Parameters:
  ///   - holding: The nodes that hold the expert, its home first.
  ///   - give: Called with every block's requests and die.
  mutating func deal(
    _ requests: Int, holding: [Int], give: (_ requests: Int, _ die: Int) -> Void
  ) {
    findCandidates(holding: holding, requests: requests)
    var dealt: [Candidate] = []
    swap(&dealt, &candidates)
    defer { swap(&dealt, &candidates) }
    let count = dealt.count
    dealt.withUnsafeMutableBufferPointer { candidates in
      withUnsafeTemporaryAllocation(of: Double.self, capacity: count) { prices in
        withUnsafeTemporaryAllocation(of: Int.self, capacity: count) { ranks in
          for (index, candidate) in candidates.enumerated() {
            prices.initializeElement(at: index, to: 0)
            ranks.initializeElement(
              at: index, to: (candidate.holds ? 0 : fabric.nodes) + candidate.die)
          }
          var left = requests
          // A block changes few prices: those are asked for again, the others are kept.
          var priced = 0
          var changed = 0..<count
          while left > 0 {
            let block = min(options.blockSize, left)
            if block != priced { (priced, changed) = (block, 0..<count) }
            for index in changed { prices[index] = price(block, candidates[index]) }
            var best = 0
            var index = 1
            while index < count {
              if prices[index] < prices[best]
                || prices[index] == prices[best] && ranks[index] < ranks[best]
              {
                best = index
              }
              index += 1
            }
            // Its first block keeps a memory busy from which others may read.
            changed = candidates[best].isNew ? 0..<count : best..<best + 1
            commit(block, to: &candidates[best])
            give(block, candidates[best].die)
            left -= block
          }
        }
      }
    }
  }

  @inline(__always)
  private func price(_ block: Int, _ candidate: Candidate) -> Double {
    let die = candidate.die
    let computeEnd = compute[die] + Double(block) * secondsPerRequest
    var memoryEnd = memory[die]
    var linkEnd = link[die]
    var sourceEnd = 0.0
    if candidate.isNew {
      if candidate.source == die {
        memoryEnd += candidate.readSeconds
      } else {
        sourceEnd = memory[candidate.source] + candidate.readSeconds
        linkEnd = linkEnd + candidate.waySeconds + candidate.wayLatency
      }
    }
    switch options.cost {
    case .completion: return max(max(max(computeEnd, memoryEnd), linkEnd), sourceEnd)
    case .sum: return computeEnd + memoryEnd + linkEnd
    }
  }

  /// Books a block, and with a candidate's first block the reading of its weights.
  @inline(__always)
  private mutating func commit(_ block: Int, to candidate: inout Candidate) {
    if candidate.isNew {
      memory[candidate.source] += candidate.readSeconds
      if candidate.source != candidate.die {
        link[candidate.die] += candidate.waySeconds + candidate.wayLatency
      }
      candidate.isNew = false
    }
    compute[candidate.die] += Double(block) * secondsPerRequest
  }
}
