import Demand
import RoutingTrace
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
  public struct Row: Hashable, Sendable {
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

  /// What one thread does at a time: a strategy, or all staged runs of a configuration.
  private struct Job {
    let system: Int
    let schedule: BatchSchedule
    let strategy: Strategy?

    /// About how long it takes beside others.
    var weight: Int { schedule.size * (strategy == nil ? 8 : 1) }
  }

  /// Runs all configurations, model by model; the rows do not depend on `workers`.
  ///
  /// - Parameters:
  ///   - workers: Threads.
  ///   - progress: Called as configurations are done with how many, one call at a time.
  /// - Throws: The first row's error that failed.
  public func run(
    workers: Int, progress: @Sendable (Int) -> Void = { _ in }
  ) throws(SimulationError) -> [Row] {
    var rows: [Row] = []
    for workload in workloads {
      // One model's tables at a time: the largest take tens of megabytes.
      let transitions = heatmapIsInSample ? try TransitionCounts(of: workload.pool) : nil
      let followers = transitions.map { FollowerTable($0, width: options.followers) }
      let mixture =
        forecasts(for: workload).contains(where: \.usesMixture)
        ? try MixtureTables(workload.pool, horizon: staging.horizon, workers: workers) : nil
      let sources = ForecastSources(transitions: transitions, mixture: mixture)
      let schedules = batches.map { BatchSchedule(workload.pool, size: $0, steps: steps) }
      let jobs = systems.indices.flatMap { system in
        schedules.flatMap { schedule in
          (Strategy.allCases.map(Optional.init) + [nil]).map {
            Job(system: system, schedule: schedule, strategy: $0)
          }
        }
      }
      // The longest first, so that threads end together.
      let turns = jobs.indices.sorted { jobs[$0].weight > jobs[$1].weight }
      let earlier = rows.count
      rows += try orderedResults(
        of: turns, workers: workers, progress: { progress(earlier + $0.joined().count) }
      ) { (turn) throws(SimulationError) -> [Row] in
        let job = jobs[turn]
        guard let strategy = job.strategy else { return try staged(workload, job, sources) }
        return [try row(workload, job, strategy, followers)]
      }.joined()
    }
    return rows
  }

  private func row(
    _ workload: Workload, _ job: Job, _ strategy: Strategy, _ followers: FollowerTable?
  ) throws(SimulationError) -> Row {
    var simulation = Simulation(
      hardware: systems[job.system], model: workload.model, format: workload.format,
      batch: job.schedule.size, steps: steps, strategy: strategy)
    simulation.warmSteps = warmSteps
    simulation.options = options
    simulation.gapSeconds = staging.gapSeconds
    let result = try simulation.run(
      workload.pool, followers: followers, schedule: job.schedule)
    return row(workload, job, strategy.rawValue, result)
  }

  /// The rows of every forecast, run side by side; real requests beside a perfect forecast too.
  private func staged(
    _ workload: Workload, _ job: Job, _ sources: ForecastSources
  ) throws(SimulationError) -> [Row] {
    let choices = forecasts(for: workload)
    guard !choices.isEmpty else { return [] }
    let simulation = StagingSimulation(
      hardware: systems[job.system], model: workload.model, format: workload.format,
      options: staging)
    var forecasts: [any DemandForecast] = []
    for choice in choices { forecasts.append(try sources.forecast(choice, job.schedule)) }
    guard workload.isReal else {
      let results = try simulation.run(
        workload.pool, schedule: job.schedule, forecasts: forecasts, warmSteps: warmSteps)
      return zip(choices, results).map { choice, result in
        row(
          workload, job, "staged", result.simulation, forecast: choice, staging: result.staging)
      }
    }
    let comparison = try simulation.compare(
      workload.pool, schedule: job.schedule, forecasts: forecasts, warmSteps: warmSteps,
      withBelady: false)
    return choices.indices.map { index in
      row(
        workload, job, "staged", comparison.results[index].simulation, forecast: choices[index],
        staging: comparison.results[index].staging,
        overPersistence: comparison.overPersistence(of: index),
        regret: comparison.regret(of: index))
    }
  }

  private func row(
    _ workload: Workload, _ job: Job, _ strategy: String, _ result: SimulationResult,
    forecast: ForecastChoice? = nil, staging: StagingReport? = nil, overPersistence: Double? = nil,
    regret: Double? = nil
  ) -> Row {
    let plans = job.strategy.map { [.allocation, .allocationAndPrediction].contains($0) } ?? true
    let seconds = host.seconds(experts: workload.model.experts, tasks: result.mean(\.tasks))
    return Row(
      system: job.system, model: workload.model.name, format: workload.format,
      origin: workload.origin, batch: job.schedule.size, strategy: strategy, forecast: forecast,
      layerSeconds: result.meanLayerSeconds, tokensPerSecond: result.tokensPerSecond,
      hops: result.mean(\.hops), localReads: result.mean(\.localReads),
      remoteReads: result.mean(\.remoteReads), copies: result.mean(\.copies),
      bottleneck: result.bottleneck, dispatchSeconds: result.mean(\.dispatchSeconds),
      combineSeconds: result.mean(\.combineSeconds),
      hostOverhead: plans ? seconds / result.meanLayerSeconds : nil, staging: staging,
      overPersistence: overPersistence, regret: regret)
  }
}
