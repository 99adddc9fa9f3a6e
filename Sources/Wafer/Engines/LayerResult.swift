/// What one MoE layer of one step took, as an engine found it.
public struct LayerResult: Hashable, Sendable {
  /// Seconds from the layer's start to the end of its last task.
  public var seconds = 0.0
  /// Tasks of the plan.
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
  /// Busy seconds of the busiest die's compute.
  public private(set) var computeSeconds = 0.0
  /// Busy seconds of the busiest memory.
  public private(set) var memorySeconds = 0.0
  /// Busy seconds of the busiest link.
  public private(set) var linkSeconds = 0.0
  /// Busy seconds of compute, averaged over dies.
  public private(set) var meanComputeSeconds = 0.0
  /// Busy seconds averaged over links.
  public private(set) var meanLinkSeconds = 0.0
  /// Busy seconds of the link that activations on their way to experts keep busiest, and of that on
  /// their way back; 0 where ``ActivationOptions`` has none.
  public internal(set) var dispatchSeconds = 0.0
  public internal(set) var combineSeconds = 0.0
  /// Busy seconds of every resource; nil where many layers were summed up.
  package var busy: BusySeconds?
  /// Events handled; 0 from the bound engine.
  public var events = 0
  /// Chunks that were found in an LLC; 0 from the bound engine.
  public var llcHits = 0
  /// Chunks that were not; 0 from the bound engine.
  public var llcMisses = 0

  /// Counts what does not depend on time.
  package init(tasks plan: [ExpertTask], copies: Int, on fabric: Fabric) {
    tasks = plan.count
    self.copies = copies
    for task in plan {
      let hops = fabric.hops(from: Int(task.source), to: Int(task.die))
      self.hops += hops
      requestHops += hops * Int(task.requests)
      if task.source == task.die { localReads += 1 } else { remoteReads += 1 }
    }
  }

  /// Takes in the busy seconds of every die's compute, every memory and every link.
  mutating func setBusy(_ busy: BusySeconds) {
    computeSeconds = busy.compute.max() ?? 0
    memorySeconds = busy.memory.max() ?? 0
    linkSeconds = busy.link.max() ?? 0
    meanComputeSeconds = busy.compute.reduce(0, +) / Double(busy.compute.count)
    meanLinkSeconds = busy.link.isEmpty ? 0 : busy.link.reduce(0, +) / Double(busy.link.count)
    self.busy = busy
  }

  /// What the layer waited for.
  public var bottleneck: Bottleneck {
    let longest = max(computeSeconds, memorySeconds, linkSeconds)
    if longest < seconds / 2 { return .latency }
    if longest == computeSeconds { return .compute }
    return longest == memorySeconds ? .memory : .link
  }
}

/// A copy of an expert that a die writes into its own HBM after reading it from elsewhere.
public struct ExpertCopy: Hashable, Sendable {
  /// The die that writes it.
  public var die: Int
  /// Number of the expert within its layer.
  public var expert: Int

  /// A copy of `expert` on `die`.
  public init(die: Int, expert: Int) {
    self.die = die
    self.expert = expert
  }
}
