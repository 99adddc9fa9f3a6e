import Demand
import RoutingTrace
import Synchronization
import Wafer

/// Every strategy on every system, model and batch size: the paper's figures 12, 14 and 15.
///
/// ```swift
/// var sweep = Sweep(
///   systems: [hardware],
///   workloads: [Sweep.Workload(
///     model: model, format: .bf16, pool: pool, origin: Sweep.Workload.real)])
/// sweep.batches = [4096]
/// let rows = try sweep.run(workers: 2)
/// ```
public struct Sweep: Sendable {
  /// One model's requests.
  public struct Workload: Sendable {
    /// The origin of requests that are the model's own.
    public static let real = "real"

    /// The model whose MoE layers run.
    public let model: ModelShape
    /// How its experts' weights are stored.
    public let format: WeightFormat
    /// Its requests.
    public let pool: RequestPool
    /// Where the requests come from: ``real``, or what they were scaled from.
    public let origin: String

    /// Requests of `pool`, taken as those of `model` with weights in `format`.
    public init(model: ModelShape, format: WeightFormat, pool: RequestPool, origin: String) {
      self.model = model
      self.format = format
      self.pool = pool
      self.origin = origin
    }

    var isReal: Bool { origin == Self.real }
  }

  /// One configuration's result; ratios against Base are for the caller to form.
  public struct Row: Codable, Hashable, Sendable {
    /// The system, as a place in ``Sweep/systems``.
    public let system: Int
    /// The model's name.
    public let model: String
    /// How its experts' weights are stored.
    public let format: WeightFormat
    /// ``Workload/origin`` of its requests.
    public let origin: String
    /// Slots of a batch.
    public let batch: Int
    /// A ``Strategy``'s name, or `staged`.
    public let strategy: String
    /// What staged by; nil for the paper's strategies.
    public let forecast: ForecastChoice?
    /// Mean seconds a layer.
    public let layerSeconds: Double
    /// Tokens a second through all MoE layers.
    public let tokensPerSecond: Double
    /// Mean hops a layer, summed over its tasks.
    public let hops: Double
    /// Mean reads a layer from a die's own memory.
    public let localReads: Double
    /// Mean reads a layer from elsewhere.
    public let remoteReads: Double
    /// Mean copies made a layer.
    public let copies: Double
    /// What most of the time was spent waiting for.
    public let bottleneck: Bottleneck
    /// Mean busy seconds a layer of the link that activations keep busiest, there and back.
    public let dispatchSeconds: Double
    public let combineSeconds: Double
    /// What planning on the host would add to a layer, as a share of its time; nil for strategies
    /// without Algorithm 1.
    public let hostOverhead: Double?
    /// What became of reads and transfers; nil for the paper's strategies.
    public let staging: StagingReport?
    /// Time beyond that of persistence, as a share of it; nil for the paper's strategies and for
    /// requests that are not real.
    public let overPersistence: Double?
    /// Time beyond that of the same engine with a perfect forecast, as a share of it; nil for
    /// requests that are not real.
    public let regret: Double?

    /// Whether another row is of the same system, model and batch.
    public func isConfigured(as other: Row) -> Bool {
      system == other.system && model == other.model && batch == other.batch
    }

    /// What a row is of: no two of a sweep's have the same.
    struct Key: Hashable {
      let system: Int
      let model: String
      let batch: Int
      let strategy: String
      var forecast: ForecastChoice?
    }

    var key: Key {
      Key(system: system, model: model, batch: batch, strategy: strategy, forecast: forecast)
    }
  }

  /// The systems.
  public var systems: [Hardware]
  /// The models with their requests.
  public var workloads: [Workload]
  /// The batch sizes.
  public var batches = [4096, 8192, 16384]
  /// Steps run.
  public var steps = 16
  /// Those of them at the beginning that are not counted.
  public var warmSteps = 8
  /// The choices that the paper leaves open.
  public var options = StrategyOptions()
  /// What the staging engine may do.
  public var staging = StagingOptions()
  /// What the staging engine stages by. The mixture is left out where requests are scaled: it would
  /// learn how they were scaled, and its tables grow with the model.
  public var forecasts: [ForecastChoice] = [.persistence, .heatmap, .mixture]
  /// Whether the heatmap is counted beforehand, from the very requests; else as batches go by.
  public var heatmapIsInSample = false
  /// What planning on the host would cost.
  public var host = HostAllocation()

  /// Every workload on every system at three batch sizes; what else there is to choose, the
  /// properties say.
  public init(systems: [Hardware], workloads: [Workload]) {
    self.systems = systems
    self.workloads = workloads
  }

  /// What a workload is staged by.
  private func forecasts(for workload: Workload) -> [ForecastChoice] {
    forecasts.filter { !$0.usesMixture || workload.isReal }
  }

  /// Configurations of the whole sweep.
  public var count: Int {
    workloads.reduce(0) { $0 + Strategy.allCases.count + forecasts(for: $1).count }
      * systems.count * batches.count
  }

  /// What one thread does at a time on one schedule.
  private struct Job {
    enum Work {
      /// Strategies on all systems: those that predict share what they count.
      case strategies([Strategy])
      /// All forecasts on one system.
      case staged(system: Int, [NotedForecast])
    }

    let schedule: BatchSchedule
    let work: Work
    /// The rows that an earlier run made of it; nil where they are to be made.
    let earlier: [Row]?

    /// About how long it takes beside others on as many systems; strategies that predict count too.
    func weight(systems: Int) -> Int {
      switch work {
      case .strategies(let strategies):
        schedule.size * systems * strategies.reduce(0) { $0 + ($1.predicts ? 2 : 1) }
      case .staged: schedule.size * 8
      }
    }
  }

  /// Runs all configurations, model by model; the rows do not depend on `workers`.
  ///
  /// - Parameters:
  ///   - workers: Threads.
  ///   - earlier: Rows of the same sweep that need not be run again.
  ///   - isStopped: Whether to begin nothing more; the rows are those that are done then, in the
  ///     order of all.
  ///   - finished: Called with rows as they are done, also with those of `earlier`, one call at a
  ///     time.
  /// - Throws: The first row's error that failed.
  public func run(
    workers: Int, earlier: [Row] = [], isStopped: @Sendable () -> Bool = { false },
    finished: @Sendable ([Row]) -> Void = { _ in }
  ) throws(SimulationError) -> [Row] {
    var rows: [Row] = []
    let made = Dictionary(earlier.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
    let telling = Mutex(())
    for workload in workloads {
      let own = keys(of: workload)
      let knownRows = own.compactMap { made[$0] }
      if isStopped() || knownRows.count == own.count {
        if !knownRows.isEmpty { telling.withLock { _ in finished(knownRows) } }
        rows += knownRows
        continue
      }
      // One model's tables at a time: the largest take tens of megabytes.
      let transitions = heatmapIsInSample ? try TransitionCounts(of: workload.pool) : nil
      let followers = transitions.map { FollowerTable($0, width: options.followers) }
      let mixture =
        own.contains { $0.forecast?.usesMixture ?? false && made[$0] == nil }
        ? try MixtureTables(workload.pool, horizon: staging.horizon, workers: workers) : nil
      let sources = ForecastSources(transitions: transitions, mixture: mixture)
      let largestFirst = batches.indices.sorted { batches[$0] > batches[$1] }
      let schedules = try orderedResults(of: largestFirst, workers: workers) { index in
        BatchSchedule(workload.pool, size: batches[index], steps: steps)
      }
      // The rows of some keys, where all are known.
      func known(_ keys: [Row.Key]) -> [Row]? {
        let rows = keys.compactMap { made[$0] }
        return rows.count == keys.count ? rows : nil
      }
      let noted = try note(
        workload,
        schedules.map { schedule in
          let isKnown = systems.indices.allSatisfy { system in
            known(stagedKeys(of: workload, batch: schedule.size, system: system)) != nil
          }
          return (schedule, isNeeded: !isKnown)
        }, sources, workers: workers)
      let jobs = zip(schedules, noted).flatMap { schedule, forecasts in
        Self.strategyGroups.map { strategies in
          let keys = strategyKeys(
            of: workload, batch: schedule.size, strategies, systems: Array(systems.indices))
          return Job(schedule: schedule, work: .strategies(strategies), earlier: known(keys))
        }
          + systems.indices.map { system in
            let keys = stagedKeys(of: workload, batch: schedule.size, system: system)
            return Job(
              schedule: schedule, work: .staged(system: system, forecasts), earlier: known(keys))
          }
      }
      // The longest first, so that threads end together.
      let turns = jobs.indices.sorted {
        jobs[$0].weight(systems: systems.count) > jobs[$1].weight(systems: systems.count)
      }
      let work: @Sendable (Int) throws(SimulationError) -> [Row] = { turn in
        let job = jobs[turn]
        guard job.earlier == nil else { return job.earlier ?? [] }
        guard !isStopped() else { return [] }
        let rows: [Row] =
          switch job.work {
          case .strategies(let strategies):
            try self.rows(workload, job.schedule, strategies, followers)
          case .staged(let system, let forecasts):
            try staged(workload, job.schedule, system, forecasts)
          }
        telling.withLock { _ in finished(rows) }
        return rows
      }
      let alreadyKnown = jobs.compactMap(\.earlier).flatMap(\.self)
      if !alreadyKnown.isEmpty { telling.withLock { _ in finished(alreadyKnown) } }
      let done = try orderedResults(of: turns, workers: workers, work)
      let perSchedule = jobs.count / max(1, schedules.count)
      rows += systems.indices.flatMap { system in
        schedules.indices.flatMap { schedule in
          done[schedule * perSchedule..<(schedule + 1) * perSchedule].joined()
            .filter { $0.system == system }
        }
      }
    }
    return rows
  }

  /// What the rows of a workload are of, in their order.
  private func keys(of workload: Workload) -> [Row.Key] {
    systems.indices.flatMap { system in
      batches.flatMap { batch in
        strategyKeys(of: workload, batch: batch, Strategy.allCases, systems: [system])
          + stagedKeys(of: workload, batch: batch, system: system)
      }
    }
  }

  /// What the rows of strategies are of, in the order in which they are made.
  private func strategyKeys(
    of workload: Workload, batch: Int, _ strategies: [Strategy], systems: [Int]
  ) -> [Row.Key] {
    systems.flatMap { system in
      strategies.map {
        Row.Key(
          system: system, model: workload.model.name, batch: batch, strategy: $0.rawValue)
      }
    }
  }

  /// What the rows of the staging engine on one system are of.
  private func stagedKeys(of workload: Workload, batch: Int, system: Int) -> [Row.Key] {
    forecasts(for: workload).map {
      Row.Key(
        system: system, model: workload.model.name, batch: batch, strategy: Self.staged,
        forecast: $0)
    }
  }

  /// The strategy's name of rows that the staging engine made.
  private static let staged = "staged"

  /// What forecasts say of every schedule that needs them, for all systems; by schedule and choice.
  private func note(
    _ workload: Workload, _ needed: [(BatchSchedule, isNeeded: Bool)], _ sources: ForecastSources,
    workers: Int
  ) throws(SimulationError) -> [[NotedForecast]] {
    let choices = forecasts(for: workload)
    let schedules = needed.map(\.0)
    let places = schedules.indices.filter { needed[$0].isNeeded }
    guard !choices.isEmpty, !places.isEmpty else { return schedules.map { _ in [] } }
    // The largest batches first.
    let turns = places.indices.sorted { schedules[places[$0]].size > schedules[places[$1]].size }
      .flatMap { place in choices.indices.map { place * choices.count + $0 } }
    let noted = try orderedResults(of: turns, workers: workers) {
      (turn) throws(SimulationError) -> NotedForecast in
      let schedule = schedules[places[turn / choices.count]]
      let forecast = try sources.forecast(choices[turn % choices.count], schedule)
      return NotedForecast(forecast, workload.pool, schedule, horizon: staging.horizon)
    }
    return schedules.indices.map { schedule in
      guard let place = places.firstIndex(of: schedule) else { return [] }
      return Array(noted[place * choices.count..<(place + 1) * choices.count])
    }
  }

  /// Strategies in the order of their rows, those that predict together.
  private static let strategyGroups =
    Strategy.allCases.filter { !$0.predicts }.map { [$0] } + [Strategy.allCases.filter(\.predicts)]

  /// The rows of strategies on every system.
  private func rows(
    _ workload: Workload, _ schedule: BatchSchedule, _ strategies: [Strategy],
    _ followers: FollowerTable?
  ) throws(SimulationError) -> [Row] {
    let places = systems.indices.flatMap { system in strategies.map { (system, $0) } }
    let simulations = places.map { system, strategy in
      var simulation = Simulation(
        hardware: systems[system], model: workload.model, format: workload.format,
        batch: schedule.size, steps: steps, strategy: strategy)
      simulation.warmSteps = warmSteps
      simulation.options = options
      simulation.gapSeconds = staging.gapSeconds
      return simulation
    }
    let results = try Simulation.sideBySide(
      simulations, workload.pool, followers: followers, schedule: schedule)
    return zip(places, results).map { place, result in
      row(workload, place.0, schedule, place.1.rawValue, result)
    }
  }

  /// The rows of every forecast, run side by side; real requests beside a perfect forecast too.
  private func staged(
    _ workload: Workload, _ schedule: BatchSchedule, _ system: Int, _ forecasts: [NotedForecast]
  ) throws(SimulationError) -> [Row] {
    let choices = self.forecasts(for: workload)
    guard !choices.isEmpty else { return [] }
    let simulation = StagingSimulation(
      hardware: systems[system], model: workload.model, format: workload.format,
      options: staging)
    guard workload.isReal else {
      let results = try simulation.run(
        workload.pool, schedule: schedule, forecasts: forecasts, warmSteps: warmSteps)
      return zip(choices, results).map { choice, result in
        row(
          workload, system, schedule, Self.staged, result.simulation, forecast: choice,
          staging: result.staging)
      }
    }
    let comparison = try simulation.compare(
      workload.pool, schedule: schedule, forecasts: forecasts, warmSteps: warmSteps,
      withBelady: false)
    return choices.indices.map { index in
      row(
        workload, system, schedule, Self.staged, comparison.results[index].simulation,
        forecast: choices[index],
        staging: comparison.results[index].staging,
        overPersistence: comparison.overPersistence(of: index),
        regret: comparison.regret(of: index))
    }
  }

  private func row(
    _ workload: Workload, _ system: Int, _ schedule: BatchSchedule, _ strategy: String,
    _ result: SimulationResult, forecast: ForecastChoice? = nil, staging: StagingReport? = nil,
    overPersistence: Double? = nil, regret: Double? = nil
  ) -> Row {
    let plans = Strategy(rawValue: strategy)?.allocates ?? true
    let seconds = host.seconds(experts: workload.model.experts, tasks: result.mean(\.tasks))
    return Row(
      system: system, model: workload.model.name, format: workload.format,
      origin: workload.origin, batch: schedule.size, strategy: strategy, forecast: forecast,
      layerSeconds: result.meanLayerSeconds, tokensPerSecond: result.tokensPerSecond,
      hops: result.mean(\.hops), localReads: result.mean(\.localReads),
      remoteReads: result.mean(\.remoteReads), copies: result.mean(\.copies),
      bottleneck: result.bottleneck, dispatchSeconds: result.mean(\.dispatchSeconds),
      combineSeconds: result.mean(\.combineSeconds),
      hostOverhead: plans ? seconds / result.meanLayerSeconds : nil, staging: staging,
      overPersistence: overPersistence, regret: regret)
  }
}
