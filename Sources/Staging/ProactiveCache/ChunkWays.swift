import Wafer

/// When chunks come that dies ask memories for: the event engine's way of a read, with the write into
/// the die's HBM behind it.
///
/// A memory and a link serve one chunk after the other, in the order in which they come; chunks of one
/// memory come there in the order in which they were asked for, since its dies are all as far.
struct ChunkWays {
  private let fabric: Fabric
  private let chunkBytes: Double
  /// When every memory and link is free again.
  private var memoryFree: [Double]
  private var linkFree: [Double]

  init(_ costs: TransferCosts) {
    fabric = costs.fabric
    chunkBytes = costs.chunkBytes
    memoryFree = Array(repeating: 0, count: fabric.nodes)
    linkFree = Array(repeating: 0, count: fabric.links)
  }

  /// Sends a chunk on its way.
  ///
  /// - Parameter now: Not before the last one was asked for.
  /// - Returns: When it lies in the die's HBM.
  /// - Complexity: O(hops).
  mutating func arrival(from source: Int, to die: Int, askedAt now: Double) -> Double {
    let hardware = fabric.hardware
    let asked = now + fabric.commandSeconds(from: source, to: die)
    memoryFree[source] =
      max(asked, memoryFree[source]) + chunkBytes / fabric.memoryBandwidth[source]
    var time = memoryFree[source] + fabric.memoryLatency[source] + hardware.llcMiss
    for link in fabric.way(from: source, to: die).map(Int.init) {
      linkFree[link] = max(time, linkFree[link]) + chunkBytes / fabric.linkBandwidth[link]
      time = linkFree[link] + fabric.linkLatency[link]
    }
    return time + hardware.llcWrite + chunkBytes / hardware.hbmBandwidth
  }
}
