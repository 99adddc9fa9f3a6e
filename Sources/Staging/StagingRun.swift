import Demand
import RoutingTrace
import Wafer

/// A staged run as it stands: what it is made of, and one layer after the other.
///
/// A layer is planned over the copies that are there, reads what it needs, and is told what the
/// forecast then expects. By that it orders copies for the next step (`StagingRun+Copies.swift`)
/// and weights for the next layers (`StagingRun+Buffers.swift`), and transfers move beside the
/// layer, by the bound engine's formula (`StagingRun+Bound.swift`) or event by event
/// (`StagingRun+Events.swift`).
struct StagingRun {
  let setup: StagingSimulation
  let schedule: BatchSchedule
  let costs: TransferCosts
  let planner: CopyPlanner
  /// Which copy leaves, this forecast being what it is.
  let eviction: EvictionPolicy
  var copies: ResidentCopies
  var transfers: StagedTransfers
  var accounts: StagingAccounts
  /// The layer run last.
  private(set) var last = LastLayer()

  /// What the layers that follow, and tests, need to know of a layer that has run.
  struct LastLayer {
    var plan: [ExpertTask] = []
    /// Copies made of what it read from elsewhere.
    var fills: [ExpertCopy] = []
    /// Seconds from its beginning to the next layer's: its own, and the time between layers.
    var period = 0.0
  }

  /// - Parameter certainty: How sure the forecast is by which it will stage.
  init(
    _ setup: StagingSimulation, schedule: BatchSchedule, certainty: ForecastCertainty
  ) {
    let costs = TransferCosts(setup)
    let options = setup.options
    self.setup = setup
    self.schedule = schedule
    self.costs = costs
    eviction = options.eviction.effective(certainty)
    planner = CopyPlanner(
      fabric: setup.fabric, expert: setup.expert, blockSize: options.allocation.blockSize,
      margin: options.holdsBack ? 0.25 : 0)
    copies = ResidentCopies(
      placement: setup.homes(schedule), slots: setup.copySlots(schedule), eviction: eviction,
      holdsBack: options.holdsBack, schedule: schedule, costs: costs)
    transfers = StagedTransfers(
      bufferBytes: setup.bufferBytes, inHBM: setup.buffersInHBM, costs)
    accounts = StagingAccounts(
      layers: schedule.layers, isPerfect: certainty == .perfect, notesReads: setup.notesReads,
      costs)
  }

  /// Runs one layer: plans, reads, stages, times, and lets transfers move.
  ///
  /// - Parameters:
  ///   - counts: Requests of every expert.
  ///   - expected: What the forecast says once it knows this layer's choices.
  ///   - baseline: The same layer of the same engine without forecasts; nil where nothing is held
  ///     back.
  ///   - lead: What the forecast's trial has gained lately on that engine.
  ///   - plans: Made in this turn, by this run and those beside it.
  mutating func layer(
    step: Int, layer: Int, counts: [Int], expecting expected: LayerExpectation,
    beside baseline: BaselineLayer? = nil, lead: Double = 0, sharing plans: inout PlanBook
  ) -> LayerResult {
    let turn = Turn(step: step, layer: layer, layers: schedule.layers)
    accounts.begin(turn, beside: baseline, lead: lead)
    copies.begin(beside: baseline?.stores)
    defer {
      accounts.endTurn()
      copies.endTurn()
    }
    let holders = copies.holders(layer: layer)
    let brought = transfers.brought(for: turn)
    var plan = plans.plan(counts, holders)
    var busy = demand(of: plan, brought, at: turn)
    if let baseline, holders.serve(baseline.plan) {
      // Copies must not make a plan worse than it would be without them.
      let other = demand(of: baseline.plan, brought, at: turn)
      if other.seconds < busy.seconds { (plan, busy) = (baseline.plan, other) }
    }
    var begun = BegunReads()
    switch setup.engine {
    case .bound: meet(plan, brought, at: turn)
    case .event: begun = begin(plan, at: turn)
    }

    let fills = stageCopies(
      expected.nextStep, missed: plan.filter { $0.source != $0.die }, holders: holders, &busy,
      at: turn, sharing: &plans)
    stageLayers(expected.laterLayers, after: turn, sharing: &plans)

    let result: LayerResult
    switch setup.engine {
    case .bound:
      result = time(plan, fills: fills, busy)
    case .event(let engine):
      cancelWhatCostsTooMuch()
      result = execute(engine, plan, fills: fills, begun, at: turn)
    }
    last = LastLayer(
      plan: plan, fills: fills, period: result.seconds + setup.options.gapSeconds)
    accounts.book(result.seconds)
    if case .bound = setup.engine {
      moveTransfers(during: result.seconds + setup.options.gapSeconds, busy, at: turn)
    }
    return result
  }

  /// Runs one layer of the engine without forecasts, for others to run beside.
  mutating func baselineLayer(
    step: Int, layer: Int, counts: [Int], expecting nothing: LayerExpectation,
    sharing plans: inout PlanBook
  ) -> BaselineLayer {
    let seconds = self.layer(
      step: step, layer: layer, counts: counts, expecting: nothing, sharing: &plans
    ).seconds
    return BaselineLayer(plan: last.plan, seconds: seconds, stores: copies.stores)
  }

  /// What a plan asks of compute, memories and links, less what transfers have brought.
  private func demand(
    of plan: [ExpertTask], _ brought: BroughtChunks, at turn: Turn
  ) -> BusyTimes {
    var busy = BusyTimes(expert: setup.expert, on: setup.fabric)
    func read(_ chunks: Int, from source: Int, to die: Int) {
      guard chunks > 0 else { return }
      busy.read(Double(chunks) * costs.chunkBytes, from: source, to: die)
    }
    for task in plan {
      let (source, die) = (Int(task.source), Int(task.die))
      let brought = chunks(of: task, brought, at: turn)
      busy.compute(task)
      if transfers.buffersInHBM { read(brought.buffered, from: die, to: die) }
      read(costs.chunks - brought.all, from: source, to: die)
    }
    return busy
  }

  /// Chunks of a task's weights that transfers have brought: into the die's buffer, and in all.
  func chunks(
    of task: ExpertTask, _ brought: BroughtChunks, at turn: Turn
  ) -> (buffered: Int, all: Int) {
    let brought = brought[key(task, at: turn)]
    // A die that holds the expert needs no copy under way.
    let copied = task.source == task.die ? 0 : brought.copied ?? 0
    return (brought.buffered, min(costs.chunks, brought.buffered + copied))
  }

  /// The expert of a task of this turn's layer, on the die that computes it.
  func key(_ task: ExpertTask, at turn: Turn) -> CopyKey {
    CopyKey(
      ExpertKey(layer: turn.layer, expert: Int(task.expert)), on: Int(task.die))
  }

  /// Takes what a read finds in the die's buffer; its transfer has been of use.
  mutating func takeBuffered(_ key: CopyKey, at turn: Turn) -> Transfer? {
    let transfer = transfers.takeBuffered(key, at: turn)
    if let transfer { accounts.settle(transfer, wasUsed: true) }
    return transfer
  }

  /// Buffer transfers of a layer that has begun: what was not read by now is wasted.
  mutating func retireBuffers(of turn: Turn) {
    for transfer in transfers.takeBuffered(of: turn) {
      accounts.settle(transfer, wasUsed: false)
    }
  }

  /// Takes back every transfer if the wait for one chunk is more than may be risked.
  mutating func cancelWhatCostsTooMuch() {
    let wait = transfers.queue.transfers.map(costs.chunkWait).max() ?? 0
    guard !accounts.mayRisk(wait) else { return }
    for transfer in transfers.queue.take(where: { _ in true }) { accounts.takeBack(transfer) }
  }

  /// Puts what a transfer has brought whole where it belongs.
  mutating func takeIn(_ transfer: Transfer, at turn: Turn) {
    switch transfer.target {
    case .buffer: transfers.buffer(transfer)
    case .copy:
      if !admit(transfer.key, value: transfer.value, isFresh: true, at: turn) {
        accounts.settle(transfer, wasUsed: false)
      }
    }
  }

  /// Asks for a place for a copy, and counts what it pushes out unread.
  ///
  /// - Returns: Whether the copy is in.
  mutating func admit(_ key: CopyKey, value: Double, isFresh: Bool, at turn: Turn) -> Bool {
    switch copies.admit(
      key, value: value, isFresh: isFresh, at: turn, mayRisk: accounts.mayRisk)
    {
    case .refused: return false
    case .admitted(let wastes):
      if wastes { accounts.settleCopy(wasUsed: false, on: key.die) }
      return true
    }
  }

  /// Counts what is left at the end.
  mutating func close() {
    for transfer in transfers.takeAll() where transfer.done > 0 {
      accounts.settle(transfer, wasUsed: false)
    }
    for (die, store) in copies.stores.enumerated() {
      for copy in store.copies where copy.isFresh {
        accounts.settleCopy(wasUsed: false, on: die)
      }
    }
  }
}
