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
  /// Idle seconds left by the last layer, used to judge what a transfer would cost.
  var lastLayerSeconds = 0.0
  /// Seconds that the first demand of the coming layer waits for a chunk on its way.
  var pendingPreemption = 0.0
  /// How often transfers proved right, as a share; judges forecasts by what they were worth.
  var trust: Double { Double(used + 1) / Double(used + wasted + 2) }
  private var used = 0
  private var wasted = 0

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
    chunks = max(1, Int(min((setup.expert.weightBytes / options.chunkBytes).rounded(.up), 65_536)))
    chunkBytes = setup.expert.weightBytes / Double(chunks)
    let buffer = options.bufferBytes ?? fabric.hardware.llcCapacity
    bufferChunks = buffer.wholeParts(of: chunkBytes)
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
    queue = TransferQueue(fabric: fabric, chunkBytes: chunkBytes)
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
  mutating func layer(step: Int, layer: Int, chosen: [UInt16]) -> LayerResult {
    let ordinal = step * shape.layers + layer
    let holders = holders(layer: layer)
    let plan = plan(schedule.counts(step: step, layer: layer), holders)
    var busy = BusyTimes(setup.fabric)
    var missed: [ExpertTask] = []
    for task in plan { meet(task, layer: layer, ordinal: ordinal, &busy, &missed) }
    retireBuffers(of: ordinal)

    forecast.observe(step: step, layer: layer, chosen: chosen)
    let fills = stageTokens(step: step, layer: layer, holders: holders, missed: missed, ordinal)
    for fill in fills {
      busy.memory[fill.die] += setup.expert.weightBytes / setup.fabric.hardware.hbmBandwidth
    }
    stageLayers(step: step, after: layer)

    var result = LayerResult(tasks: plan, copies: fills.count, on: setup.fabric)
    busy.fill(&result)
    result.seconds = busy.longest + busy.latency + pendingPreemption
    report.preemptionSeconds += pendingPreemption
    lastLayerSeconds = result.seconds
    moveTransfers(during: result.seconds + setup.options.gapSeconds, busy, step, ordinal)
    return result
  }

  /// Counts one task's read and what it costs; notes the read in `missed` if it came from elsewhere.
  private mutating func meet(
    _ task: ExpertTask, layer: Int, ordinal: Int, _ busy: inout BusyTimes,
    _ missed: inout [ExpertTask]
  ) {
    let die = Int(task.die)
    let key = key(layer, Int(task.expert))
    let weight = setup.expert.weightBytes
    busy.compute(task, setup.expert)
    let inBuffer = takeBuffered(key, die: die, ordinal: ordinal)
    let share = Double(inBuffer) / Double(chunks)
    if buffersInHBM, inBuffer > 0 { busy.read(share * weight, from: die, to: die) }
    if task.source == task.die {
      if stores[die].isFresh(key) {
        report.stagedOnTime += 1
        settle(used: true, bytes: weight)
      } else {
        report.local += 1
      }
      stores[die].use(key, at: ordinal)
      report.bufferBytes += share * weight
      busy.read((1 - share) * weight, from: die, to: die)
      return
    }
    missed.append(task)
    var brought = inBuffer
    let underWay = queue.take { $0.key == key && $0.die == die && $0.target == .copy }
    for transfer in underWay {
      // What has come is used, the rest comes on demand, and the copy stays if it has room.
      brought = min(chunks, brought + transfer.done)
      if transfer.done > 0 {
        settle(used: true, bytes: Double(transfer.done) * chunkBytes)
      } else {
        report.cancelled += 1
      }
    }
    let rest = Double(chunks - brought) * chunkBytes
    busy.read(rest, from: Int(task.source), to: die)
    if brought == chunks {
      report.stagedOnTime += 1
    } else if brought > 0 {
      report.stagedLate += 1
      report.lateSeconds += busy.waySeconds(rest, from: Int(task.source), to: die)
    } else {
      report.demand += 1
    }
  }

  /// Chunks of the read that wait in the die's buffer; their transfer has been of use.
  private mutating func takeBuffered(_ key: Int, die: Int, ordinal: Int) -> Int {
    let target = Transfer.Target.buffer(ordinal: ordinal)
    guard
      let index = buffered.firstIndex(where: {
        $0.key == key && $0.die == die && $0.target == target
      })
    else { return 0 }
    let transfer = buffered.remove(at: index)
    settle(used: true, bytes: Double(transfer.done) * chunkBytes)
    return transfer.done
  }

  /// Buffer transfers of a layer that has begun: what was not read by now is wasted.
  private mutating func retireBuffers(of ordinal: Int) {
    for transfer in buffered where transfer.target == .buffer(ordinal: ordinal) {
      settle(used: false, bytes: Double(transfer.done) * chunkBytes)
    }
    buffered.removeAll { $0.target == .buffer(ordinal: ordinal) }
  }

  /// Counts a transfer that has moved something as used or wasted.
  mutating func settle(used isUsed: Bool, bytes: Double) {
    if isUsed {
      report.transfersUsed += 1
      report.bytesUsed += bytes
      used += 1
    } else {
      report.transfersWasted += 1
      report.bytesWasted += bytes
      wasted += 1
    }
  }

  /// Counts what is left at the end.
  mutating func close() {
    for transfer in queue.take(where: { _ in true }) + buffered where transfer.done > 0 {
      settle(used: false, bytes: Double(transfer.done) * chunkBytes)
    }
    buffered = []
    for store in stores {
      for copy in store.copies where copy.isFresh {
        settle(used: false, bytes: setup.expert.weightBytes)
      }
    }
  }
}
