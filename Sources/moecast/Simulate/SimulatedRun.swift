import Demand
import RoutingTrace
import Staging
import Wafer

/// One configuration that `simulate strategies` or `simulate sweep` ran; counts are means a layer.
struct SimulatedRun {
  var wafer: String
  /// The model's name.
  var shape: String
  var batch: Int
  /// A ``Strategy``'s name, or `staged`.
  var strategy: String
  var layerSeconds: Double
  var tokensPerSecond: Double
  var hops: Double
  var localReads: Double
  var remoteReads: Double
  var copies: Double
  /// What the staging engine staged by, and what came of it.
  var forecast: String?
  /// Where what a forecast, or a strategy that predicts, has learnt comes from; nil where it has
  /// learnt nothing but from the batches as they go by.
  var source: String?
  /// Time beyond that of persistence, as a share; nil where nothing is staged.
  var overPersistence: Double?
  var staging: StagingReport?
  /// Time beyond that of a perfect forecast, and beyond that with Belady's eviction too, as shares.
  var regret: Double?
  var regretToBelady: Double?

  // Of `simulate strategies` alone.
  /// Of the queue of requests; nil where none are drawn.
  var seed: UInt64?
  /// Requests of the traces, and those of them that filled the batches counted.
  var poolRequests: Int?
  var poolRequestsUsed: Int?
  var engine: String?
  /// Hops of every request that a read serves, where ``hops`` counts the read once.
  var requestHops: Double?

  // Of `simulate sweep` alone.
  var weights: String?
  /// `real`, or what the trace was scaled from.
  var trace: String?
  /// What planning on a host would add, as a share of the time.
  var hostOverhead: Double?

  /// Throughput over that of Base of the same configuration; nil where that was not run.
  var speedup: Double?
  /// Base's hops over these; nil where there are none left.
  var hopReduction: Double?

  /// What a simulation of `strategy` yielded.
  init(
    _ hardware: Hardware, _ model: ModelShape, batch: Int, strategy: String, _ engine: String,
    _ result: SimulationResult
  ) {
    wafer = hardware.name
    shape = model.name
    self.batch = batch
    self.strategy = strategy
    self.engine = engine
    layerSeconds = result.meanLayerSeconds
    tokensPerSecond = result.tokensPerSecond
    hops = result.mean(\.hops)
    requestHops = result.mean(\.requestHops)
    localReads = result.mean(\.localReads)
    remoteReads = result.mean(\.remoteReads)
    copies = result.mean(\.copies)
  }

  /// A row of a sweep.
  init(_ row: Sweep.Row) {
    wafer = row.wafer
    shape = row.model
    weights = row.format.rawValue
    trace = row.origin
    batch = row.batch
    strategy = row.strategy
    forecast = row.forecast?.rawValue
    layerSeconds = row.layerSeconds
    tokensPerSecond = row.tokensPerSecond
    hops = row.hops
    localReads = row.localReads
    remoteReads = row.remoteReads
    copies = row.copies
    hostOverhead = row.hostOverhead
    staging = row.staging
    overPersistence = row.overPersistence
    regret = row.regret
  }

  /// Fills in the ratios to Base of the same system, model, batch and seed, where it is among `runs`.
  static func addRatios(to runs: inout [SimulatedRun]) {
    let bases = runs.filter { $0.strategy == Strategy.base.rawValue }
    for index in runs.indices {
      let run = runs[index]
      guard
        let base = bases.first(where: {
          $0.wafer == run.wafer && $0.shape == run.shape && $0.batch == run.batch
            && $0.seed == run.seed
        })
      else { continue }
      runs[index].speedup = run.tokensPerSecond / base.tokensPerSecond
      if run.hops > 0 { runs[index].hopReduction = base.hops / run.hops }
    }
  }
}
