import Wafer

/// Experts' weights on their way over a system's links.
///
/// The memory that is read and every link of the way serve transfers in the order in which they were
/// asked for, each at its own bandwidth; weights are there when the slowest of these is done, and the
/// latencies have passed.
struct WeightTransfers {
  private let fabric: Fabric
  private let bytes: Double
  /// When every node's memory, and every link, is through with what was asked of it.
  private var memoryFree: [Double]
  private var linkFree: [Double]

  init(_ expert: ExpertCost, on fabric: Fabric) {
    self.fabric = fabric
    bytes = expert.weightBytes
    memoryFree = Array(repeating: 0, count: fabric.nodes)
    linkFree = Array(repeating: 0, count: fabric.links)
  }

  /// When an expert that is asked for now would be there.
  func arrival(from source: Int, to gpu: Int, at now: Double) -> Double {
    var last = max(now, memoryFree[source]) + bytes / fabric.memoryBandwidth[source]
    for link in fabric.way(from: source, to: gpu) {
      last = max(last, max(now, linkFree[Int(link)]) + bytes / fabric.linkBandwidth[Int(link)])
    }
    return last + fabric.memoryLatency[source] + fabric.wayLatency(from: source, to: gpu)
  }

  /// Asks for an expert.
  ///
  /// - Returns: When it is there.
  mutating func move(from source: Int, to gpu: Int, at now: Double) -> Double {
    let there = arrival(from: source, to: gpu, at: now)
    memoryFree[source] = max(now, memoryFree[source]) + bytes / fabric.memoryBandwidth[source]
    for link in fabric.way(from: source, to: gpu) {
      linkFree[Int(link)] =
        max(now, linkFree[Int(link)]) + bytes / fabric.linkBandwidth[Int(link)]
    }
    return there
  }

  /// Seconds of one transfer that waits for nobody.
  func seconds(from source: Int, to gpu: Int) -> Double {
    fabric.slowestSeconds(bytes, from: source, to: gpu) + fabric.memoryLatency[source]
      + fabric.wayLatency(from: source, to: gpu)
  }
}
