import Demand
import RoutingTrace
import Wafer

/// The staging engine: forecasts become transfers before the need.
///
/// ```swift
/// let simulation = StagingSimulation(hardware: hardware, model: model)
/// let sources = ForecastSources(transitions: try TransitionCounts(of: pool))
/// let result = try simulation.run(
///   pool, schedule: schedule, forecast: try sources.forecast(.heatmap, schedule), warmSteps: 8)
/// print(result.staging.coverage)
/// ```
///
/// Every layer of every step is planned by Algorithm 1 over homes and copies and timed by the bound
/// engine's formula, or executed by the event engine with the transfers beside it. What its demand
/// leaves idle of memories and links carries transfers (``TransferQueue``,
/// ``Wafer/TransferTraffic``): copies that ``CopyPlanner`` proposes from the token forecast, and
/// weights of the next layers into the staging buffer. Deterministic; the forecast sees only what
/// was routed.
public struct StagingSimulation: Sendable {
  /// The system.
  public let fabric: Fabric
  /// The model whose MoE layers run.
  public let model: ModelShape
  /// What one of its experts costs.
  public let expert: ExpertCost
  /// What may be staged, and with how much.
  public var options: StagingOptions
  /// Where experts lie for good; nil for homes by the rule of ``StagingOptions/placement``.
  public var placement: ExpertPlacement?
  /// What times the layers. With the event engine, transfers move chunk by chunk beside the
  /// demand's own; its chunk size is theirs.
  public var engine = Engine.bound(BoundEngine())
  /// Whether results tell how each read was met (``StagingResult/reads``).
  public var notesReads = false

  /// A system and a model, timed by the bound engine.
  ///
  /// - Parameter format: How experts' weights are stored.
  public init(
    hardware: Hardware, model: ModelShape, format: WeightFormat = .bf16,
    options: StagingOptions = StagingOptions()
  ) {
    fabric = Fabric(hardware)
    self.model = model
    expert = ExpertCost(shape: model, format: format)
    self.options = options
  }

  /// Runs every layer of every scheduled step.
  ///
  /// - Parameters:
  ///   - schedule: Made from `pool`; the oracle and Belady look ahead in it. Where it has fewer
  ///     layers than the model, copies get their share of the memory.
  ///   - warmSteps: Steps at the beginning that stage but are not counted.
  /// - Throws: ``Demand/SimulationError`` where pool, model, placement and options do not fit each
  ///   other.
  public func run(
    _ pool: RequestPool, schedule: BatchSchedule, forecast: any DemandForecast, warmSteps: Int = 0
  ) throws(SimulationError) -> StagingResult {
    try run(pool, schedule: schedule, forecasts: [forecast], warmSteps: warmSteps)[0]
  }

  /// Runs several forecasts side by side; each comes out as it would alone. Where they are held back,
  /// each stages once more as a trial.
  public func run(
    _ pool: RequestPool, schedule: BatchSchedule, forecasts: [any DemandForecast],
    warmSteps: Int = 0
  ) throws(SimulationError) -> [StagingResult] {
    try check(pool, schedule, warmSteps)
    var runs = forecasts.map { ForecastRun(self, schedule, $0) }
    // What forecasts are worth shows beside the same run without any.
    var baseline =
      options.holdsBack ? StagingRun(self, schedule: schedule, certainty: .nothing) : nil
    let nothing = LayerExpectation.nothing(experts: pool.shape.experts)
    // What a forecast has noted, it need not be shown again.
    let showsChoices = !runs.allSatisfy(\.hasNoted)
    var plans = PlanBook(self)
    var rows: [[SimulationRow]] = Array(repeating: [], count: runs.count)
    for step in 0..<schedule.steps {
      for layer in 0..<schedule.layers {
        plans.beginTurn()
        let counts = schedule.counts(step: step, layer: layer)
        let chosen = showsChoices ? pool.chosen(by: schedule.tokens[step], layer: layer) : []
        let without = baseline?.baselineLayer(
          step: step, layer: layer, counts: counts, expecting: nothing, sharing: &plans)
        for index in runs.indices {
          if step == warmSteps, layer == 0 { runs[index].beginCounting() }
          let result = runs[index].layer(
            step: step, layer: layer, counts: counts, chosen: chosen, beside: without,
            sharing: &plans)
          if step >= warmSteps {
            rows[index].append(SimulationRow(step: step, layer: layer, result: result))
          }
        }
      }
    }
    let tokens = (schedule.steps - warmSteps) * schedule.size
    return runs.indices.map { index in
      StagingResult(
        simulation: SimulationResult(
          rows: rows[index], tokens: tokens, layers: schedule.layers,
          modelLayers: model.moeLayers.count, gapSeconds: options.gapSeconds),
        staging: runs[index].close(), reads: runs[index].reads)
    }
  }

  /// Algorithm 1 over the counts, rebalanced over copies.
  func plan(_ counts: [Int], _ holders: Holders) -> [ExpertTask] {
    var plan = allocationPlan(
      counts: counts, holders: holders, expert: expert, options: options.allocation, on: fabric)
    plan.setSources(holders, nearest: true, on: fabric)
    if options.rebalances {
      Rebalancing(cost: expert, blockSize: options.allocation.blockSize, fabric: fabric).apply(
        to: &plan, holders: holders)
    }
    return plan
  }

  /// Bytes of a die's staging buffer.
  var bufferBytes: Double { options.bufferBytes ?? fabric.hardware.llcCapacity }

  /// Whether the staging buffer is a part of HBM: one that does not fit into the LLC is, whole.
  var buffersInHBM: Bool { bufferBytes > fabric.hardware.llcCapacity }

  /// Homes by the rule, where nobody placed experts.
  func homes(_ schedule: BatchSchedule) -> ExpertPlacement {
    placement
      ?? ExpertPlacement(
        options.placement, layers: schedule.layers, experts: schedule.experts, on: fabric,
        rooms: options.enforcesCapacity ? expert.rooms(of: model, on: fabric) : nil)
  }

  /// Bytes of every die's HBM that homes, the system and the staging buffer leave to copies of all
  /// the model's layers; below 0 where they do not fit.
  func spareBytes(_ homes: ExpertPlacement) -> [Double] {
    homes.spareBytes(modelLayers: model.moeLayers.count, expert: expert, on: fabric).map {
      $0 - (buffersInHBM ? bufferBytes : 0)
    }
  }

  /// Copies that each die may hold of the layers that run.
  func copySlots(_ schedule: BatchSchedule) -> [Int] {
    let modelLayers = model.moeLayers.count
    let entries = options.copyEntries.map { $0 * schedule.layers / modelLayers } ?? .max
    let all = min(entries, schedule.layers * schedule.experts)
    return spareBytes(homes(schedule)).map { spare in
      if let bytes = options.copyBytes {
        // The layers that do not run have their part of it.
        let copies = bytes.wholeParts(of: expert.weightBytes) * schedule.layers / modelLayers
        return min(copies, entries)
      }
      guard options.enforcesCapacity else { return all }
      // As many copies as the paper's strategies may hold, but of any layer.
      let perLayer = max(0, spare).wholeParts(of: expert.weightBytes) / modelLayers
      return min(perLayer * schedule.layers, all)
    }
  }

  /// What is wrong with a staging buffer in HBM, in words for the user; nil for nothing.
  private func bufferProblem(_ schedule: BatchSchedule) -> String? {
    guard buffersInHBM, options.enforcesCapacity, placement?.layers.isEmpty != true else {
      return nil
    }
    let copies = options.copyBytes ?? 0
    let room = (spareBytes(homes(schedule)).min() ?? 0) + bufferBytes - copies
    guard bufferBytes > room else { return nil }
    func megabytes(_ bytes: Double) -> String { "\(Int((bytes / 1e6).rounded(.down))) MB" }
    let llc = fabric.hardware.llcCapacity
    return "a staging buffer of \(megabytes(bufferBytes)) is larger than the LLC of"
      + " \(fabric.hardware.name), \(megabytes(llc)), and HBM has \(megabytes(max(0, room))) left"
      + " for it; give at most \(megabytes(max(llc, room)))"
  }

  package func check(
    _ pool: RequestPool, _ schedule: BatchSchedule, _ warmSteps: Int
  ) throws(SimulationError) {
    guard pool.shape.experts == model.experts, pool.shape.topK == model.topK else {
      throw SimulationError(
        "the traces route top-\(pool.shape.topK) of \(pool.shape.experts) experts, but"
          + " \(model.name) routes top-\(model.topK) of \(model.experts); name its shape")
    }
    guard schedule.steps > warmSteps, warmSteps >= 0 else {
      throw SimulationError(
        "\(schedule.steps) steps, \(warmSteps) of them warm, leave none to count")
    }
    guard options.chunkBytes > 0, (0...1).contains(options.bandwidthShare), options.horizon >= 0,
      options.queueLimit >= 0, options.gapSeconds >= 0, options.allocation.blockSize > 0,
      options.allocation.blocksPerSplit > 0
    else {
      throw SimulationError(
        "staging needs chunks above 0 bytes, a bandwidth share from 0 to 1, and no negative limits")
    }
    if let problem = fabric.hardware.problem ?? bufferProblem(schedule)
      ?? engine.problem(weightBytes: expert.weightBytes)
      ?? placement?.problem(layers: schedule.layers, experts: model.experts, on: fabric)
    {
      throw SimulationError(problem)
    }
    if options.enforcesCapacity,
      let shortage = homes(schedule).shortage(
        of: model, expert: expert, by: placement == nil ? options.placement : nil, on: fabric)
    {
      throw SimulationError(shortage)
    }
  }
}
