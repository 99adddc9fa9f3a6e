import Demand
import RoutingTrace
import Staging
import Wafer

/// One configuration that `simulate strategies` or `simulate sweep` ran; counts are means a layer.
struct SimulatedRun {
  let system: SystemDescription
  /// The system's name.
  var wafer: String { system.hardware.name }
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
  /// What bounds most of the time.
  var bottleneck: Bottleneck?
  /// Busy seconds a layer of the busiest compute, memory and link, and means over dies and links.
  var busy: BusiestSeconds?
  /// Chunks that the event engine found in LLCs, a mean a layer, and those that it did not.
  var llcHits: Double?
  var llcMisses: Double?
  /// Busy seconds a layer of the link that activations keep busiest, there and back.
  var dispatchSeconds: Double?
  var combineSeconds: Double?
  /// Seconds between layers.
  var gapSeconds: Double?
  /// Busy seconds a layer of every resource.
  var meanBusy: BusySeconds?
  /// What one layer's chunks held, where it was asked for.
  var timeline: Timeline?

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
    _ system: SystemDescription, _ model: ModelShape, batch: Int, strategy: String,
    _ engine: String, _ result: SimulationResult
  ) {
    self.system = system
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
    bottleneck = result.bottleneck
    busy = BusiestSeconds(result)
    if result.mean(\.events) > 0 {
      llcHits = result.mean(\.llcHits)
      llcMisses = result.mean(\.llcMisses)
    }
    if result.mean(\.dispatchSeconds) > 0 {
      dispatchSeconds = result.mean(\.dispatchSeconds)
      combineSeconds = result.mean(\.combineSeconds)
    }
    gapSeconds = result.gapSeconds
    meanBusy = result.meanBusy
    timeline = result.timeline
  }

  /// Joules a layer.
  var energy: LayerEnergy? {
    meanBusy.map { Fabric(system.hardware).energy(of: $0) }
  }

  /// How busy every resource was.
  var loadMap: LoadMap {
    LoadMap(system.hardware, meanBusy ?? .none, layerSeconds: layerSeconds)
  }

  /// A row of a sweep over `systems`.
  init(_ row: Sweep.Row, of systems: [SystemDescription]) {
    system = systems[row.system]
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
    bottleneck = row.bottleneck
    if row.dispatchSeconds > 0 {
      (dispatchSeconds, combineSeconds) = (row.dispatchSeconds, row.combineSeconds)
    }
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
          $0.system == run.system && $0.shape == run.shape && $0.batch == run.batch
            && $0.seed == run.seed
        })
      else { continue }
      runs[index].speedup = run.tokensPerSecond / base.tokensPerSecond
      if run.hops > 0 { runs[index].hopReduction = base.hops / run.hops }
    }
  }
}

/// Busy seconds a layer, means over layers.
struct BusiestSeconds {
  let compute: Double
  let memory: Double
  let link: Double
  let meanCompute: Double
  let meanLink: Double

  init(_ result: SimulationResult) {
    compute = result.mean(\.computeSeconds)
    memory = result.mean(\.memorySeconds)
    link = result.mean(\.linkSeconds)
    meanCompute = result.mean(\.meanComputeSeconds)
    meanLink = result.mean(\.meanLinkSeconds)
  }
}
