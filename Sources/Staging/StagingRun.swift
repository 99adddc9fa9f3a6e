import RoutingTrace

/// The state of a staged run: copies, buffers and transfers under way.
struct StagingRun {
  let setup: StagingSimulation
  let schedule: BatchSchedule
  let homes: [Int]
  let planner: CopyPlanner
  /// Chunks of one expert, and bytes of each.
  let chunks: Int
  let chunkBytes: Double
  /// Chunks that a die's staging buffer holds.
  let bufferChunks: Int
  /// Whether the buffer is a part of HBM, so that reading it takes HBM time.
  let buffersInHBM: Bool
  let shape: TraceShape
  var forecast: any DemandForecast
  var report = StagingReport()
  var stores: [CopyStore]
  var queue: TransferQueue
  /// Finished and unfinished buffer transfers of coming layers.
  var buffered: [Transfer] = []
  /// Seconds of the last layer, used to judge what a transfer would cost.
  var lastLayerSeconds = 0.0
  /// Seconds that the first demand of the coming layer waits for a chunk on its way.
  var pendingPreemption = 0.0
  /// What the run saved or lost so far against the same engine without forecasts.
  var ledger: StagingLedger
  /// How transfers of each class turned out so far.
  var copyTrust = TransferTrust()
  var bufferTrust = TransferTrust()
  /// The same run without forecasts, as it stands; nil where nothing is held back.
  private(set) var plain: BaselineLayer?
  /// Seconds that copies may cost which the run without forecasts holds and this one does not.
  var displacedSeconds = 0.0
  /// What the event engine's last layer left on its way.
  var remains: TransferTraffic.CarriedOver
  /// The plan of the layer run last, and the copies made of what it read from elsewhere.
  private(set) var lastPlan: [ExpertTask] = []
  private(set) var lastFills: [ExpertCopy] = []

  init(
    _ setup: StagingSimulation, schedule: BatchSchedule, shape: TraceShape,
    forecast: any DemandForecast
  ) {
    let (fabric, options) = (setup.fabric, setup.options)
    self.setup = setup
    self.schedule = schedule
    self.shape = shape
    self.forecast = forecast
    homes = options.placement.homes(experts: shape.experts, on: fabric)
    var chunkBytes = options.chunkBytes
    if case .event(let engine) = setup.engine { chunkBytes = engine.chunkBytes }
    chunks = max(
      1,
      Int(min((setup.expert.weightBytes / chunkBytes).rounded(.up), EventEngine.maximumChunks)))
    self.chunkBytes = setup.expert.weightBytes / Double(chunks)
    let buffer = options.bufferBytes ?? fabric.hardware.llcCapacity
    bufferChunks = buffer.wholeParts(of: self.chunkBytes)
    buffersInHBM = buffer > fabric.hardware.llcCapacity
    planner = CopyPlanner(
      fabric: fabric, expert: setup.expert, blockSize: options.allocation.blockSize,
      margin: options.holdsBack ? 0.25 : 0)
    let keys = shape.layers * shape.experts
    let perLayer = fabric.spareSlotsPerLayer(
      homes: homes, layers: setup.model.moeLayers.count, expert: setup.expert, capacityScale: 1)
    stores = (0..<fabric.dies).map { die in
      // As many copies as the paper's strategies may hold, but of any layer.
      let slots =
        options.copyBytes.map { $0.wholeParts(of: setup.expert.weightBytes) }
        ?? perLayer[die] * setup.model.moeLayers.count
      return CopyStore(slots: slots, keys: keys)
    }
    queue = TransferQueue(fabric: fabric, chunkBytes: self.chunkBytes)
    remains = TransferTraffic.CarriedOver(on: fabric)
    ledger = StagingLedger(layers: shape.layers)
  }

  func key(_ layer: Int, _ expert: Int) -> Int { layer * shape.experts + expert }

  /// Homes and copies of one layer.
  func holders(layer: Int) -> Holders {
    var holders = Holders(homes: homes)
    for die in stores.indices {
      for copy in stores[die].copies where copy.key / shape.experts == layer {
        holders.add(die: die, expert: copy.key % shape.experts)
      }
    }
    return holders
  }

  /// Algorithm 1 over the counts, rebalanced over copies.
  func plan(_ counts: [Int], _ holders: Holders) -> [ExpertTask] {
    var plan = allocationPlan(
      counts: counts, holders: holders, expert: setup.expert, options: setup.options.allocation,
      on: setup.fabric)
    plan.setSources(holders, nearest: true, on: setup.fabric)
    if setup.options.rebalances {
      Rebalancing(
        cost: setup.expert, blockSize: setup.options.allocation.blockSize, fabric: setup.fabric
      ).apply(to: &plan, holders: holders)
    }
    return plan
  }

  /// Runs one layer: plans, reads, forecasts, times, and lets transfers move.
  ///
  /// - Parameter plain: The same layer of the same engine without forecasts; nil where nothing is
  ///   held back.
  mutating func layer(
    step: Int, layer: Int, chosen: [UInt16], beside plain: BaselineLayer? = nil
  ) -> LayerResult {
    let ordinal = step * shape.layers + layer
    self.plain = plain
    // Kept no longer than the layer lasts: the run without forecasts goes on changing its stores.
    defer { self.plain = nil }
    displacedSeconds = plain.map { secondsDisplaced(in: $0) } ?? 0
    let holders = holders(layer: layer)
    var plan = plan(schedule.counts(step: step, layer: layer), holders)
    var busy = demand(of: plan, layer: layer, ordinal: ordinal)
    if let plain, holders.serve(plain.plan) {
      // Copies must not make a plan worse than it would be without them.
      let other = demand(of: plain.plan, layer: layer, ordinal: ordinal)
      if other.seconds < busy.seconds { (plan, busy) = (plain.plan, other) }
    }
    var begun: (attached: [TransferTraffic.Attached], moving: [Transfer]) = ([], [])
    switch setup.engine {
    case .bound:
      for task in plan { meet(task, layer: layer, ordinal: ordinal, busy) }
      retireBuffers(of: ordinal)
    case .event: begun = attach(plan, layer: layer, ordinal: ordinal)
    }

    forecast.observe(step: step, layer: layer, chosen: chosen)
    let fills = stageTokens(
      step: step, layer: layer, holders: holders, missed: plan.filter { $0.source != $0.die },
      &busy, ordinal)
    stageLayers(step: step, after: layer)

    let result: LayerResult
    switch setup.engine {
    case .bound: result = time(plan, fills: fills, busy)
    case .event(let engine):
      cancelWhatCostsTooMuch()
      result = execute(engine, plan, fills: fills, begun, step: step, ordinal: ordinal)
    }
    lastLayerSeconds = result.seconds
    if let plain { ledger.book(with: result.seconds, without: plain.seconds) }
    if case .bound = setup.engine {
      moveTransfers(during: result.seconds + setup.options.gapSeconds, busy, step, ordinal)
    }
    (lastPlan, lastFills) = (plan, fills)
    return result
  }

  /// Runs one layer of the engine without forecasts, for others to run beside.
  mutating func baselineLayer(step: Int, layer: Int, chosen: [UInt16]) -> BaselineLayer {
    let seconds = self.layer(step: step, layer: layer, chosen: chosen).seconds
    return BaselineLayer(plan: lastPlan, seconds: seconds, stores: stores)
  }

  /// The layer by the bound engine's formula, after the chunk on its way.
  private mutating func time(
    _ plan: [ExpertTask], fills: [ExpertCopy], _ busy: BusyTimes
  ) -> LayerResult {
    var result = LayerResult(tasks: plan, copies: fills.count, on: setup.fabric)
    busy.fill(&result)
    result.seconds = busy.seconds + pendingPreemption
    report.preemptionSeconds += pendingPreemption
    return result
  }

  /// What a plan asks of compute, memories and links, less what transfers have brought.
  private func demand(of plan: [ExpertTask], layer: Int, ordinal: Int) -> BusyTimes {
    var busy = BusyTimes(setup.fabric)
    for task in plan {
      let (source, die) = (Int(task.source), Int(task.die))
      let brought = brought(task, layer: layer, ordinal: ordinal)
      busy.compute(task, setup.expert)
      if buffersInHBM {
        busy.read(Double(brought.buffered) * chunkBytes, from: die, to: die)
      }
      let rest = Double(chunks - brought.all) * chunkBytes
      busy.read(rest, from: source, to: die)
    }
    return busy
  }

  /// Chunks of a task's weights that transfers have brought: into the die's buffer, and in all.
  private func brought(
    _ task: ExpertTask, layer: Int, ordinal: Int
  ) -> (buffered: Int, all: Int) {
    let (key, die) = (key(layer, Int(task.expert)), Int(task.die))
    func chunks(_ transfers: [Transfer], _ target: Transfer.Target) -> Int {
      transfers.reduce(0) {
        $0 + ($1.key == key && $1.die == die && $1.target == target ? $1.done : 0)
      }
    }
    let buffered = chunks(self.buffered, .buffer(ordinal: ordinal))
    let copied = task.source == task.die ? 0 : chunks(queue.transfers, .copy)
    return (buffered, min(self.chunks, buffered + copied))
  }

  /// Counts one task's read and settles the transfers that served it.
  private mutating func meet(_ task: ExpertTask, layer: Int, ordinal: Int, _ busy: BusyTimes) {
    let die = Int(task.die)
    let key = key(layer, Int(task.expert))
    let brought = brought(task, layer: layer, ordinal: ordinal)
    takeBuffered(key, die: die, ordinal: ordinal)
    if task.source == task.die {
      useLocally(key, die: die, ordinal: ordinal)
      report.bufferBytes += Double(brought.buffered) * chunkBytes
      return
    }
    for transfer in queue.take(where: { $0.key == key && $0.die == die && $0.target == .copy }) {
      // What has come is used, the rest comes on demand, and the copy stays if it has room.
      end(transfer, wasUsed: true)
    }
    if brought.all == chunks {
      report.stagedOnTime += 1
    } else if brought.all > 0 {
      report.stagedLate += 1
      let rest = Double(chunks - brought.all) * chunkBytes
      report.lateSeconds += busy.waySeconds(rest, from: Int(task.source), to: die)
    } else {
      report.demand += 1
    }
  }

  /// Counts a read from the die's own HBM.
  mutating func useLocally(_ key: Int, die: Int, ordinal: Int) {
    if stores[die].isFresh(key) {
      report.stagedOnTime += 1
      settle(.copy, used: true, bytes: setup.expert.weightBytes)
    } else {
      report.local += 1
    }
    stores[die].use(key, at: ordinal)
  }

  /// Takes the read's chunks out of the die's buffer; their transfer has been of use.
  @discardableResult
  mutating func takeBuffered(_ key: Int, die: Int, ordinal: Int) -> Transfer? {
    let target = Transfer.Target.buffer(ordinal: ordinal)
    guard
      let index = buffered.firstIndex(where: {
        $0.key == key && $0.die == die && $0.target == target
      })
    else { return nil }
    let transfer = buffered.remove(at: index)
    settle(transfer, used: true)
    return transfer
  }

  /// Buffer transfers of a layer that has begun: what was not read by now is wasted.
  mutating func retireBuffers(of ordinal: Int) {
    let target = Transfer.Target.buffer(ordinal: ordinal)
    for transfer in buffered where transfer.target == target { settle(transfer, used: false) }
    buffered.removeAll { $0.target == target }
  }

  /// Counts a transfer that ends as used or wasted, or as cancelled if it has brought nothing.
  mutating func end(_ transfer: Transfer, wasUsed: Bool) {
    if transfer.done > 0 {
      settle(transfer, used: wasUsed)
    } else {
      report.cancelled += 1
    }
  }

  /// Counts a transfer that is taken back.
  mutating func takeBack(_ transfer: Transfer) {
    report.cancelled += 1
    if transfer.done > 0 { settle(transfer, used: false) }
  }

  /// Counts a transfer that has moved something as used or wasted.
  mutating func settle(_ transfer: Transfer, used isUsed: Bool) {
    settle(transfer.target, used: isUsed, bytes: Double(transfer.done) * chunkBytes)
  }

  /// Counts bytes that were moved as used or wasted.
  mutating func settle(_ target: Transfer.Target, used isUsed: Bool, bytes: Double) {
    if isUsed {
      report.transfersUsed += 1
      report.bytesUsed += bytes
    } else {
      report.transfersWasted += 1
      report.bytesWasted += bytes
    }
    if target == .copy { copyTrust.add(isUsed) } else { bufferTrust.add(isUsed) }
  }

  /// Counts what is left at the end.
  mutating func close() {
    for transfer in queue.take(where: { _ in true }) + buffered where transfer.done > 0 {
      settle(transfer, used: false)
    }
    buffered = []
    for store in stores {
      for copy in store.copies where copy.isFresh {
        settle(.copy, used: false, bytes: setup.expert.weightBytes)
      }
    }
  }
}
