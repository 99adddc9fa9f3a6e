/// The bound engine's formula: how long a layer keeps each compute unit, memory and link busy, and
/// how long its slowest read is under way.
///
/// - compute of die d: sum of r F / (flops * efficiency) over d's tasks,
/// - memory of die d: sum of r A / HBM over d's tasks,
/// - memory of node m: W / bandwidth for every read of W bytes from m, and every copy that m
///   writes,
/// - link: W / bandwidth for every read whose way crosses it,
/// - latency of a read: 2 * way + memory latency + LLC miss.
package struct BusyTimes {
  private let fabric: Fabric
  private let expert: ExpertCost
  /// Seconds by die.
  package private(set) var compute: [Double]
  /// Seconds by node.
  package private(set) var memory: [Double]
  /// Seconds by link.
  package private(set) var link: [Double]
  /// Seconds that the slowest read is under way, beside its bytes.
  package private(set) var latency = 0.0

  /// Nothing is busy yet.
  package init(expert: ExpertCost, on fabric: Fabric) {
    self.fabric = fabric
    self.expert = expert
    compute = Array(repeating: 0, count: fabric.dies)
    memory = Array(repeating: 0, count: fabric.nodes)
    link = Array(repeating: 0, count: fabric.links)
  }

  /// Adds a task's computation and activations.
  package mutating func compute(_ task: ExpertTask) {
    let die = Int(task.die)
    compute[die] += fabric.hardware.computeSeconds(requests: Int(task.requests), expert: expert)
    memory[die] += fabric.hardware.activationSeconds(
      requests: Int(task.requests), expert: expert)
  }

  /// Adds the reading of `bytes` and their way.
  ///
  /// - Parameter sharesMemory: Whether another read takes them from the memory already.
  package mutating func read(
    _ bytes: Double, from source: Int, to die: Int, sharesMemory: Bool = false
  ) {
    if !sharesMemory { memory[source] += bytes / fabric.memoryBandwidth[source] }
    for crossed in fabric.way(from: source, to: die) {
      link[Int(crossed)] += bytes / fabric.linkBandwidth[Int(crossed)]
    }
    latency = max(
      latency,
      2 * fabric.wayLatency(from: source, to: die) + fabric.memoryLatency[source]
        + fabric.hardware.llcMiss)
  }

  /// Adds the writing of a copy into a die's HBM.
  package mutating func writeCopy(at die: Int) {
    memory[die] += fabric.hardware.writeSeconds(expert)
  }

  /// Adds activations on links, and the latency of their longest way.
  mutating func move(_ activations: ActivationTraffic) {
    for index in link.indices {
      link[index] +=
        (activations.dispatch[index] + activations.combine[index]) / fabric.linkBandwidth[index]
    }
    latency += activations.latency
  }

  /// The busiest resource's seconds.
  package var longest: Double { max(compute.max() ?? 0, memory.max() ?? 0, link.max() ?? 0) }

  /// What a layer of these takes: the busiest resource and the worst latency.
  package var seconds: Double { longest + latency }

  /// What a layer of `tasks` and so many copies took.
  package func result(of tasks: [ExpertTask], copies: Int) -> LayerResult {
    var result = LayerResult(tasks: tasks, copies: copies, on: fabric)
    result.setBusy(BusySeconds(compute: compute, memory: memory, link: link))
    result.seconds = seconds
    return result
  }
}

extension Hardware {
  /// Seconds a die computes `requests` requests of one expert, rounded up to whole tiles.
  func computeSeconds(requests: Int, expert: ExpertCost) -> Double {
    let tile = computeTileRequests
    let rounded = (requests + tile - 1) / tile * tile
    return Double(rounded) * expert.flopsPerRequest / (computeFlops * computeEfficiency)
  }

  /// Seconds of a die's HBM for the activations of `requests` requests of one expert.
  func activationSeconds(requests: Int, expert: ExpertCost) -> Double {
    Double(requests) * expert.activationBytesPerRequest / hbmBandwidth
  }

  /// Seconds a die computes one request of many.
  func secondsPerRequest(_ expert: ExpertCost) -> Double {
    expert.flopsPerRequest / (computeFlops * computeEfficiency)
  }

  /// Seconds of a die's HBM to write, or read, one expert's weights.
  package func writeSeconds(_ expert: ExpertCost) -> Double { expert.weightBytes / hbmBandwidth }
}
