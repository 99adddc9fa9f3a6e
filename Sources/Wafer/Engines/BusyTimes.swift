/// Busy seconds of every compute unit, memory and link within one layer.
struct BusyTimes {
  private let fabric: Fabric
  var compute: [Double]
  var memory: [Double]
  var link: [Double]
  private(set) var latency = 0.0

  init(_ fabric: Fabric) {
    self.fabric = fabric
    compute = Array(repeating: 0, count: fabric.dies)
    memory = Array(repeating: 0, count: fabric.nodes)
    link = Array(repeating: 0, count: fabric.links)
  }

  /// Adds a task's computation and activations.
  mutating func compute(_ task: ExpertTask, _ expert: ExpertCost) {
    let die = Int(task.die)
    compute[die] += fabric.hardware.computeSeconds(requests: Int(task.requests), expert: expert)
    memory[die] +=
      Double(task.requests) * expert.activationBytesPerRequest / fabric.hardware.hbmBandwidth
  }

  /// Adds the reading of `bytes` and their way.
  mutating func read(_ bytes: Double, from source: Int, to die: Int) {
    guard bytes > 0 else { return }
    memory[source] += bytes / fabric.memoryBandwidth[source]
    for crossed in fabric.way(from: source, to: die) {
      link[Int(crossed)] += bytes / fabric.linkBandwidth[Int(crossed)]
    }
    latency = max(
      latency,
      2 * fabric.wayLatency[source * fabric.nodes + die] + fabric.memoryLatency[source]
        + fabric.hardware.llcMiss)
  }

  /// Seconds that `bytes` alone need from `source` to `die`.
  func waySeconds(_ bytes: Double, from source: Int, to die: Int) -> Double {
    fabric.slowestSeconds(bytes, from: source, to: die)
      + 2 * fabric.wayLatency[source * fabric.nodes + die]
  }

  /// The busiest resource's seconds.
  var longest: Double { max(compute.max() ?? 0, memory.max() ?? 0, link.max() ?? 0) }

  /// What a layer of these takes: the busiest resource and the worst latency.
  var seconds: Double { longest + latency }

  func fill(_ result: inout LayerResult) {
    result.computeSeconds = compute.max() ?? 0
    result.memorySeconds = memory.max() ?? 0
    result.linkSeconds = link.max() ?? 0
    result.meanComputeSeconds = compute.reduce(0, +) / Double(max(1, compute.count))
    result.meanLinkSeconds = link.isEmpty ? 0 : link.reduce(0, +) / Double(link.count)
  }
}
