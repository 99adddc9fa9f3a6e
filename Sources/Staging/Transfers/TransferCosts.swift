import Wafer

/// What it takes to move weights: seconds of chunks and of whole experts on their ways.
struct TransferCosts {
  let fabric: Fabric
  let expert: ExpertCost
  /// Chunks of one expert.
  let chunks: Int
  /// Bytes of each.
  let chunkBytes: Double
  /// Seconds that no chunk's way is shorter than.
  let leastChunkSeconds: Double
  /// Whether chunks meet demand at every part of their way, as the event engine has them.
  private let meetsEverywhere: Bool

  /// Cuts an expert into equal chunks: of the event engine's size, or else of the options'.
  init(_ setup: StagingSimulation) {
    fabric = setup.fabric
    expert = setup.expert
    let largest: Double
    switch setup.engine {
    case .bound: (largest, meetsEverywhere) = (setup.options.chunkBytes, false)
    case .event(let engine): (largest, meetsEverywhere) = (engine.chunkBytes, true)
    }
    chunks = max(
      1,
      Int(min((setup.expert.weightBytes / largest).rounded(.up), EventEngine.maximumChunks)))
    chunkBytes = setup.expert.weightBytes / Double(chunks)
    leastChunkSeconds =
      chunkBytes
      / (fabric.memoryBandwidth + fabric.linkBandwidth).reduce(0, max)
  }

  /// Seconds that the slowest part of the way needs for a chunk.
  func chunkSeconds(from source: Int, to die: Int) -> Double {
    fabric.slowestSeconds(chunkBytes, from: source, to: die)
  }

  /// Seconds that reading a whole expert alone takes from its first command on.
  func readSeconds(from source: Int, to die: Int) -> Double {
    chunkSeconds(from: source, to: die) * Double(chunks)
      + 2 * fabric.wayLatency(from: source, to: die) + fabric.memoryLatency[source]
      + fabric.hardware.llcMiss
  }

  /// Seconds that the rest of a read, `chunks` of it, takes alone.
  func restSeconds(_ chunks: Int, from source: Int, to die: Int) -> Double {
    fabric.slowestSeconds(Double(chunks) * chunkBytes, from: source, to: die)
      + 2 * fabric.wayLatency(from: source, to: die)
  }

  /// What one chunk of a transfer may cost demand: by the bound engine the slowest part of its way,
  /// by the event engine, where it may be met at every part, their sum.
  func chunkWait(_ transfer: Transfer) -> Double {
    let (source, die) = (transfer.source, transfer.die)
    guard meetsEverywhere else { return chunkSeconds(from: source, to: die) }
    let way = fabric.way(from: source, to: die)
    return chunkBytes / fabric.memoryBandwidth[source] + chunkBytes / fabric.memoryBandwidth[die]
      + way.reduce(0) { $0 + chunkBytes / fabric.linkBandwidth[Int($1)] }
  }

  /// What a transfer of `chunks` costs the demand beside it: a chunk's wait in every layer that it
  /// lasts.
  ///
  /// - Parameter period: Seconds from one layer's beginning to the next one's; 0 where none has run
  ///   yet.
  func costToDemand(
    _ chunks: Int, from source: Int, to die: Int, period: Double
  ) -> Double {
    let chunk = chunkSeconds(from: source, to: die)
    let seconds = chunk * Double(chunks)
    let layers = period > 0 ? (seconds / period).rounded(.up) : 1
    return chunk * max(1, layers)
  }
}
