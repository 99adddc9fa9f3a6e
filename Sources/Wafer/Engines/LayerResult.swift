/// What one MoE layer of one step took, as an engine found it.
public struct LayerResult: Hashable, Sendable {
  /// Seconds from the layer's start to the end of its last task.
  public var seconds = 0.0
  public var tasks = 0
  /// Sum over tasks of the hops from source to die.
  public var hops = 0
  /// The same, every task weighted with its requests.
  public var requestHops = 0
  /// Tasks that read their weights from their own die.
  public var localReads = 0
  /// Tasks that read them from elsewhere.
  public var remoteReads = 0
  /// Copies written into local HBM.
  public var copies = 0
  /// Busy seconds of the busiest die's compute, memory, and of the busiest link.
  public var computeSeconds = 0.0
  public var memorySeconds = 0.0
  public var linkSeconds = 0.0
  /// Busy seconds averaged over dies and over links.
  public var meanComputeSeconds = 0.0
  public var meanLinkSeconds = 0.0
  /// Events handled, hits and misses of the LLC; 0 from the bound engine.
  public var events = 0
  public var llcHits = 0
  public var llcMisses = 0

  /// Counts what does not depend on time.
  init(tasks plan: [ExpertTask], copies: Int, on fabric: Fabric) {
    tasks = plan.count
    self.copies = copies
    for task in plan {
      let hops = fabric.hops[Int(task.source) * fabric.nodes + Int(task.die)]
      self.hops += hops
      requestHops += hops * Int(task.requests)
      if task.source == task.die { localReads += 1 } else { remoteReads += 1 }
    }
  }
}

/// A copy of an expert that a die writes into its own HBM after reading it from elsewhere.
public struct ExpertCopy: Hashable, Sendable {
  public var die: Int
  public var expert: Int

  public init(die: Int, expert: Int) {
    self.die = die
    self.expert = expert
  }
}

extension Hardware {
  /// Seconds a die computes `requests` requests of one expert, rounded up to whole tiles.
  func computeSeconds(requests: Int, expert: ExpertCost) -> Double {
    let tile = computeTileRequests
    let rounded = (requests + tile - 1) / tile * tile
    return Double(rounded) * expert.flopsPerRequest / (computeFlops * computeEfficiency)
  }
}
