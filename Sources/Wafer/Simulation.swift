import Demand
import RoutingTrace

/// Which engine times a layer.
public enum Engine: Hashable, Sendable {
  /// By a formula.
  case bound(BoundEngine)
  /// Event by event.
  case event(EventEngine)

  /// `bound` or `event`.
  public var name: String {
    switch self {
    case .bound: "bound"
    case .event: "event"
    }
  }

  /// What is wrong with the options for experts of `weightBytes`, or nil.
  package func problem(weightBytes: Double) -> String? {
    switch self {
    case .bound: nil
    case .event(let engine): engine.problem(weightBytes: weightBytes)
    }
  }

  /// Times one layer.
  ///
  /// - Parameter activations: What they move over links; the event engine has none.
  func run(
    _ tasks: [ExpertTask], copies: [ExpertCopy], expert: ExpertCost,
    activations: ActivationTraffic?, on fabric: Fabric
  ) -> LayerResult {
    switch self {
    case .bound(let engine):
      engine.run(
        tasks, copies: copies, expert: expert, activations: activations, on: fabric)
    case .event(let engine): engine.run(tasks, copies: copies, expert: expert, on: fabric)
    }
  }
}

/// One configuration of the case study: a system, a model, a batch size and a strategy.
///
/// ```swift
/// var simulation = Simulation(
///   hardware: hardware, model: model, batch: 4096, steps: 2, strategy: .allocation)
/// simulation.engine = .event(EventEngine())
/// let result = try simulation.run(pool, transitions: nil)
/// print(result.tokensPerSecond, result.mean(\.hops))
/// ```
public struct Simulation: Sendable {
  /// The system.
  public let fabric: Fabric
  /// The model whose MoE layers run.
  public let model: ModelShape
  /// What one of its experts costs.
  public let expert: ExpertCost
  /// Slots of a batch.
  public var batch: Int
  /// Steps run, those that only warm up among them.
  public var steps: Int
  /// Steps at the beginning that make copies but are not counted.
  public var warmSteps = 0
  /// Seconds between MoE layers, for attention and dense layers; they count for throughput alone.
  public var gapSeconds = 0.0
  /// MoE layers simulated; nil for all of the trace.
  public var layers: Int?
  /// How experts are given to dies.
  public var strategy: Strategy
  /// How the batches are filled.
  public var batching = BatchPolicy.replay()
  /// The choices that the paper leaves open.
  public var options = StrategyOptions()
  /// Where experts lie at the beginning; nil for homes by the rule of
  /// ``StrategyOptions/placement``.
  public var placement: ExpertPlacement?
  /// What times the layers.
  public var engine = Engine.bound(BoundEngine())
  /// The layer of the first counted step of which ``SimulationResult/timeline`` tells; nil for none.
  /// The event engine alone knows when things happen.
  public var timelineLayer: Int?

  /// A configuration with all choices as in the reference.
  ///
  /// - Parameter format: How experts' weights are stored.
  public init(
    hardware: Hardware, model: ModelShape, format: WeightFormat = .bf16, batch: Int, steps: Int,
    strategy: Strategy
  ) {
    fabric = Fabric(hardware)
    self.model = model
    expert = ExpertCost(shape: model, format: format)
    self.batch = batch
    self.steps = steps
    self.strategy = strategy
  }

  /// Runs every layer of every step.
  ///
  /// - Parameters:
  ///   - pool: The requests' tokens.
  ///   - transitions: The token heatmap by which strategies predict; nil to count it as batches go
  ///     by.
  ///   - schedule: Made from `pool` with this batch, steps and policy; nil to make it here.
  /// - Throws: ``SimulationError`` where pool, model, placement, heatmap or options do not fit each
  ///   other.
  public func run(
    _ pool: RequestPool, transitions: TransitionCounts?, schedule: BatchSchedule? = nil
  ) throws(SimulationError) -> SimulationResult {
    let followers =
      strategy.predicts
      ? transitions.map { FollowerTable($0, width: options.followers) } : nil
    return try run(pool, followers: followers, schedule: schedule)
  }

  /// The same with what several configurations share.
  ///
  /// - Parameter schedule: Made from `pool` with this batch, steps and policy; nil to make it here.
  public func run(
    _ pool: RequestPool, followers: FollowerTable?, schedule: BatchSchedule? = nil
  ) throws(SimulationError) -> SimulationResult {
    let schedule = schedule ?? BatchSchedule(pool, size: batch, steps: steps, policy: batching)
    return try Self.sideBySide([self], pool, followers: followers, schedule: schedule)[0]
  }

  /// Runs simulations of one schedule, layer by layer beside each other; each comes out as it would
  /// alone. A heatmap that is counted as batches go by is counted once for all of them.
  ///
  /// - Parameters:
  ///   - simulations: Of the schedule's batch and steps, with the same layers and followers.
  ///   - schedule: Made from `pool`.
  package static func sideBySide(
    _ simulations: [Simulation], _ pool: RequestPool, followers: FollowerTable?,
    schedule: BatchSchedule
  ) throws(SimulationError) -> [SimulationResult] {
    for simulation in simulations { try simulation.check(pool, followers?.transitions) }
    guard let first = simulations.first else { return [] }
    var counted =
      simulations.contains(where: \.strategy.predicts)
      ? Followers(followers, schedule, width: first.options.followers) : nil
    var runs = simulations.map {
      SimulationRun($0, layers: pool.shape.layers, experts: pool.shape.experts)
    }
    var rows: [[SimulationRow]] = Array(repeating: [], count: runs.count)
    for (step, tokens) in schedule.tokens.enumerated() {
      for layer in 0..<(first.layers ?? pool.shape.layers) {
        counted?.observe(step: step, layer: layer) { pool.chosen(by: tokens, layer: layer) }
        let counts = schedule.counts(step: step, layer: layer)
        for index in runs.indices {
          let result = runs[index].layer(
            step: step, layer: layer, counts: counts,
            chosen: { pool.chosen(by: tokens, layer: layer) }, by: counted)
          if let result {
            rows[index].append(SimulationRow(step: step, layer: layer, result: result))
          }
        }
      }
    }
    return zip(simulations, zip(runs, rows)).map { simulation, run in
      var result = SimulationResult(
        rows: run.1, tokens: (simulation.steps - simulation.warmSteps) * simulation.batch,
        layers: simulation.layers ?? pool.shape.layers,
        modelLayers: simulation.model.moeLayers.count, gapSeconds: simulation.gapSeconds)
      result.timeline = run.0.timeline
      return result
    }
  }

  /// What a plan's activations move over links; nil where they take no time there.
  func activations(
    of plan: [ExpertTask], chosen: () -> [UInt16]
  ) -> ActivationTraffic? {
    guard options.activations.ways != .none else { return nil }
    return ActivationTraffic(
      of: plan, experts: model.experts, chosen: chosen(), topK: model.topK, hidden: model.hidden,
      options.activations, on: fabric)
  }

  /// The plan of one layer with every task's source.
  ///
  /// - Parameters:
  ///   - counts: Requests of every expert.
  ///   - chosen: The experts of every slot; asked for where a rule deals slots.
  func plan(counts: [Int], chosen: () -> [UInt16], holders: Holders) -> [ExpertTask] {
    var plan: [ExpertTask]
    switch strategy {
    case .base, .prediction:
      plan = basePlan(
        counts: counts, chosen: chosen, topK: model.topK, rule: options.baseRule,
        blockSize: options.blockSize, dies: fabric.dies)
    case .expertParallel:
      plan = expertParallelPlan(counts: counts, holders: holders, dies: fabric.dies)
    case .allocation, .allocationAndPrediction:
      plan = allocationPlan(
        counts: counts, holders: holders, expert: expert, options: options.allocation, on: fabric)
    }
    plan.setSources(holders, nearest: strategy == .allocationAndPrediction, on: fabric)
    return plan
  }

  package func check(
    _ pool: RequestPool, _ transitions: TransitionCounts? = nil
  ) throws(SimulationError) {
    guard pool.requests > 0 else {
      throw SimulationError("the traces hold no decode tokens; nothing fills a batch")
    }
    guard pool.shape.experts == model.experts, pool.shape.topK == model.topK else {
      throw SimulationError(
        "the traces route top-\(pool.shape.topK) of \(pool.shape.experts) experts, but"
          + " \(model.name) routes top-\(model.topK) of \(model.experts); name its shape")
    }
    guard batch > 0, steps > warmSteps, warmSteps >= 0 else {
      throw SimulationError("a batch of \(batch) over \(steps) steps leaves nothing to count")
    }
    guard gapSeconds >= 0, gapSeconds < .infinity else {
      throw SimulationError("the time between layers is a number of seconds from 0 on")
    }
    guard (1...pool.shape.layers).contains(layers ?? 1) else {
      throw SimulationError("the traces have \(pool.shape.layers) MoE layers, not \(layers ?? 0)")
    }
    guard options.blockSize > 0, options.allocation.blockSize > 0,
      options.allocation.blocksPerSplit > 0, options.followers >= 0
    else { throw SimulationError("blocks, splits and followers must be positive numbers") }
    if strategy.predicts {
      guard transitions?.layers ?? .max >= layers ?? pool.shape.layers,
        transitions?.experts ?? pool.shape.experts == pool.shape.experts
      else { throw SimulationError("\(strategy.rawValue) needs a token heatmap of the same shape") }
    }
    if case .event = engine, options.activations.ways != .none {
      throw SimulationError(
        "the event engine moves weights alone; time activations by the bound one")
    }
    if let problem = fabric.hardware.problem ?? options.activations.problem
      ?? engine.problem(weightBytes: expert.weightBytes)
      ?? placement?.problem(
        layers: layers ?? pool.shape.layers, experts: model.experts, on: fabric)
    {
      throw SimulationError(problem)
    }
    if options.enforcesCapacity,
      let shortage = homes(layers: pool.shape.layers, experts: pool.shape.experts).shortage(
        of: model, expert: expert, by: placement == nil ? options.placement : nil, on: fabric)
    {
      throw SimulationError(shortage)
    }
  }

  /// Where experts lie at the beginning.
  func homes(layers: Int, experts: Int) -> ExpertPlacement {
    placement
      ?? ExpertPlacement(
        options.placement, layers: self.layers ?? layers, experts: experts,
        on: fabric, rooms: options.enforcesCapacity ? expert.rooms(of: model, on: fabric) : nil)
  }
}
