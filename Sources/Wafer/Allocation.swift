/// The open choices of the paper's Algorithm 1 with the reference's defaults.
public struct AllocationOptions: Hashable, Sendable {
  /// What a block costs on a die, of the die's compute, memory and link times.
  public enum Cost: String, CaseIterable, Sendable {
    /// The latest of the times at which its parts would end (estimated completion).
    case completion = "ect"
    /// Their sum.
    case sum
  }

  /// In which order experts get their dies.
  public enum Order: String, CaseIterable, Sendable {
    /// Ascending request count, as in the paper.
    case requests
    /// Fewest holders first, those with most requests first among them: experts that have a choice
    /// come last and fill the gaps.
    case holders
  }

  public var order = Order.requests
  /// Requests dealt at once.
  public var blockSize = 50
  /// An expert may be split once for every `blocksPerSplit` blocks it has, at least once.
  public var blocksPerSplit = 1
  /// Hops from a holder to a candidate.
  public var candidateDistance = 1
  /// Whether a holder always stays among the candidates.
  public var keepsHolder = true
  public var cost = Cost.completion

  public init() {}
}

/// Algorithm 1: experts by ascending request count; candidates are the dies that hold the expert and
/// their neighbours, sorted by load and cut to the number of splits; blocks of requests go one by one
/// to the candidate of least cost. Tasks in the order in which they arise; sources are not set.
func allocationPlan(
  counts: [Int], holders: Holders, expert cost: ExpertCost, options: AllocationOptions,
  on fabric: Fabric
) -> [ExpertTask] {
  var scheduler = ListScheduler(cost: cost, options: options, fabric: fabric)
  var deal = Deal(experts: counts.count, dies: fabric.dies)
  let order = counts.indices.filter { counts[$0] > 0 }.sorted { first, second in
    switch options.order {
    case .requests: (counts[first], first) < (counts[second], second)
    case .holders:
      (holders.of[first].count, counts[second], first)
        < (holders.of[second].count, counts[first], second)
    }
  }
  for expert in order {
    let holding = holders.of[expert]
    var left = counts[expert]
    let (candidates, sources) = scheduler.candidates(holding: holding, requests: left)
    while left > 0 {
      let block = min(options.blockSize, left)
      var best = 0
      var bestKey = (Double.infinity, 1, Int.max)
      for (index, die) in candidates.enumerated() {
        let key = (
          scheduler.price(
            block, die: die, source: sources[index], isNew: !deal.holds(expert, die)),
          holding.contains(die) ? 0 : 1, die
        )
        if key < bestKey { (best, bestKey) = (index, key) }
      }
      let die = candidates[best]
      scheduler.commit(
        block, die: die, source: sources[best], isNew: !deal.holds(expert, die))
      deal.give(block, of: expert, to: die)
      left -= block
    }
  }
  return deal.tasks
}

/// The times that Algorithm 1 has given out so far.
///
/// The order of the additions is the reference's: ties decide, so sums must agree to the last bit.
private struct ListScheduler {
  let options: AllocationOptions
  let fabric: Fabric
  let secondsPerRequest: Double
  let weightBytes: Double
  var compute: [Double]
  var memory: [Double]
  var link: [Double]

  init(cost: ExpertCost, options: AllocationOptions, fabric: Fabric) {
    self.options = options
    self.fabric = fabric
    secondsPerRequest =
      cost.flopsPerRequest / (fabric.hardware.computeFlops * fabric.hardware.computeEfficiency)
    weightBytes = cost.weightBytes
    let zeros = Array(repeating: 0.0, count: fabric.nodes)
    (compute, memory, link) = (zeros, zeros, zeros)
  }

  /// The dies that may take the expert's blocks, best first, and the node each would read from.
  func candidates(holding: [Int], requests: Int) -> (dies: [Int], sources: [Int]) {
    let dies = fabric.dies
    var found = holding.filter { $0 < dies }
    for holder in holding {
      for die in fabric.neighbours(of: holder, within: options.candidateDistance)
      where !found.contains(die) {
        found.append(die)
      }
    }
    let load = (0..<dies).map { max(max(compute[$0], memory[$0]), link[$0]) }
    func key(_ die: Int) -> (Double, Int, Int) { (load[die], holding.contains(die) ? 0 : 1, die) }
    found.sort { key($0) < key($1) }
    let perSplit = options.blocksPerSplit * options.blockSize
    let splits = max(1, min(found.count, (requests + perSplit - 1) / perSplit))
    var kept = Array(found.prefix(splits))
    if options.keepsHolder, !kept.contains(where: holding.contains),
      let holder = holding.filter({ $0 < dies }).min(by: { (load[$0], $0) < (load[$1], $1) })
    {
      kept[kept.count - 1] = holder
    }
    let sources = kept.map { die -> Int in
      if holding.contains(die) { return die }
      return holding.min {
        (hops($0, die), memory[$0], $0) < (hops($1, die), memory[$1], $1)
      } ?? die
    }
    return (kept, sources)
  }

  private func hops(_ from: Int, _ to: Int) -> Int { fabric.hops[from * fabric.nodes + to] }

  private func readSeconds(_ node: Int) -> Double { weightBytes / fabric.memoryBandwidth[node] }

  private func wayBytesSeconds(_ source: Int, _ die: Int) -> Double {
    weightBytes / fabric.linkBandwidth[Int(fabric.way(from: source, to: die).first ?? 0)]
  }

  private func wayLatency(_ source: Int, _ die: Int) -> Double {
    2 * fabric.wayLatency[source * fabric.nodes + die]
  }

  func price(_ block: Int, die: Int, source: Int, isNew: Bool) -> Double {
    let computeEnd = compute[die] + Double(block) * secondsPerRequest
    var memoryEnd = memory[die]
    var linkEnd = link[die]
    var sourceEnd = 0.0
    if isNew {
      if source == die {
        memoryEnd += readSeconds(die)
      } else {
        sourceEnd = memory[source] + readSeconds(source)
        linkEnd = linkEnd + wayBytesSeconds(source, die) + wayLatency(source, die)
      }
    }
    switch options.cost {
    case .completion: return max(max(max(computeEnd, memoryEnd), linkEnd), sourceEnd)
    case .sum: return computeEnd + memoryEnd + linkEnd
    }
  }

  mutating func commit(_ block: Int, die: Int, source: Int, isNew: Bool) {
    if isNew {
      memory[source] += readSeconds(source)
      if source != die {
        link[die] += wayBytesSeconds(source, die) + wayLatency(source, die)
      }
    }
    compute[die] += Double(block) * secondsPerRequest
  }
}
