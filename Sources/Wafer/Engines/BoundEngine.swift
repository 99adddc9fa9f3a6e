/// The analytic engine: a layer takes as long as its busiest resource, and one worst latency.
///
/// T = max over dies' compute, nodes' memory and links of busy time + max over tasks of latency,
/// with busy times
/// - compute of d: sum of r F / (flops * efficiency) over d's tasks,
/// - memory of d: sum of r A / HBM over d's tasks + W / HBM for every task that reads from d and
///   every copy that d writes,
/// - link: sum of W / link over the tasks whose way crosses it,
/// and latency 2 * way + memory latency + LLC miss.
public struct BoundEngine: Hashable, Sendable {
  /// Whether tasks that read the same expert from the same node share one memory read.
  public var sharesReads = false

  public init() {}

  /// - Complexity: O(tasks * hops).
  public func run(
    _ tasks: [ExpertTask], copies: [ExpertCopy], expert: ExpertCost, on fabric: Fabric
  ) -> LayerResult {
    let hardware = fabric.hardware
    var compute = Array(repeating: 0.0, count: fabric.dies)
    var memory = Array(repeating: 0.0, count: fabric.nodes)
    var link = Array(repeating: 0.0, count: fabric.links)
    var latency = 0.0
    var read: Set<[Int32]> = []
    for task in tasks {
      let (source, die) = (Int(task.source), Int(task.die))
      compute[die] += hardware.computeSeconds(requests: Int(task.requests), expert: expert)
      memory[die] +=
        Double(task.requests) * expert.activationBytesPerRequest / hardware.hbmBandwidth
      if !sharesReads || read.insert([task.expert, task.source]).inserted {
        memory[source] += expert.weightBytes / fabric.memoryBandwidth[source]
      }
      for crossed in fabric.way(from: source, to: die) {
        link[Int(crossed)] += expert.weightBytes / fabric.linkBandwidth[Int(crossed)]
      }
      latency = max(
        latency,
        2 * fabric.wayLatency[source * fabric.nodes + die] + fabric.memoryLatency[source]
          + hardware.llcMiss)
    }
    for copy in copies { memory[copy.die] += expert.weightBytes / hardware.hbmBandwidth }
    var result = LayerResult(tasks: tasks, copies: copies.count, on: fabric)
    result.computeSeconds = compute.max() ?? 0
    result.memorySeconds = memory.max() ?? 0
    result.linkSeconds = link.max() ?? 0
    result.meanComputeSeconds = compute.reduce(0, +) / Double(fabric.dies)
    result.meanLinkSeconds = link.isEmpty ? 0 : link.reduce(0, +) / Double(link.count)
    result.seconds =
      max(max(result.computeSeconds, result.memorySeconds), result.linkSeconds) + latency
    return result
  }
}
