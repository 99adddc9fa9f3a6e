import Dispatch
import RoutingTrace
import Synchronization

/// Every strategy on every system, model and batch size: the paper's figures 12, 14 and 15.
public struct Sweep: Sendable {
  /// One model's requests.
  public struct Workload: Sendable {
    public let model: ModelShape
    public let format: WeightFormat
    public let pool: RequestPool
    /// Where the requests come from: `real`, or what they were scaled from.
    public let origin: String

    public init(model: ModelShape, format: WeightFormat, pool: RequestPool, origin: String) {
      self.model = model
      self.format = format
      self.pool = pool
      self.origin = origin
    }
  }

  /// One configuration's result; ratios against Base are for the caller to form.
  public struct Row: Hashable, Sendable {
    public let wafer: String
    public let model: String
    public let format: WeightFormat
    public let origin: String
    public let batch: Int
    /// A ``Strategy``'s name, or `staged`.
    public let strategy: String
    public let layerSeconds: Double
    public let tokensPerSecond: Double
    public let hops: Double
    public let localReads: Double
    public let remoteReads: Double
    public let copies: Double
    /// What planning on the host would add to a layer, as a share of its time; nil for strategies
    /// without Algorithm 1.
    public let hostOverhead: Double?
    public let staging: StagingReport?
  }

  public var systems: [Hardware]
  public var workloads: [Workload]
  public var batches = [4096, 8192, 16384]
  /// Steps run, and those of them at the beginning that are not counted.
  public var steps = 16
  public var warmSteps = 8
  public var options = StrategyOptions()
  public var staging = StagingOptions()
  public var host = HostAllocation()

  public init(systems: [Hardware], workloads: [Workload]) {
    self.systems = systems
    self.workloads = workloads
  }

  /// Configurations of the whole sweep.
  public var count: Int {
    systems.count * workloads.count * batches.count * (Strategy.allCases.count + 1)
  }

  /// Runs all configurations, model by model; the rows do not depend on `workers`.
  ///
  /// - Parameters:
  ///   - workers: Threads.
  ///   - progress: Called after every configuration with how many are done, one call at a time.
  /// - Throws: The first row's error that failed.
  public func run(
    workers: Int, progress: @Sendable (Int) -> Void = { _ in }
  ) throws(SimulationError) -> [Row] {
    var rows: [Row] = []
    for workload in workloads {
      // One model's tables at a time: the largest take tens of megabytes.
      let transitions = TransitionCounts(of: workload.pool)
      let followers = FollowerTable(transitions, width: options.followers)
      let jobs = systems.flatMap { system in
        batches.flatMap { batch in
          (Strategy.allCases.map(Optional.init) + [nil]).map { (system, batch, $0) }
        }
      }
      let done = Mutex((next: 0, finished: 0, results: [Int: Result<Row, SimulationError>]()))
      let earlier = rows.count
      DispatchQueue.concurrentPerform(iterations: max(1, workers)) { _ in
        while true {
          let index = done.withLock { state -> Int in
            defer { state.next += 1 }
            return state.next
          }
          guard index < jobs.count else { return }
          let (system, batch, strategy) = jobs[index]
          let result = Result { () throws(SimulationError) -> Row in
            try row(workload, system, batch, strategy, followers)
          }
          done.withLock { state in
            state.results[index] = result
            state.finished += 1
            progress(earlier + state.finished)
          }
        }
      }
      let results = done.withLock { $0.results }
      for index in jobs.indices {
        if let result = results[index] { rows.append(try result.get()) }
      }
    }
    return rows
  }

  private func row(
    _ workload: Workload, _ system: Hardware, _ batch: Int, _ strategy: Strategy?,
    _ followers: FollowerTable
  ) throws(SimulationError) -> Row {
    let result: SimulationResult
    var report: StagingReport?
    if let strategy {
      var simulation = Simulation(
        hardware: system, model: workload.model, format: workload.format, batch: batch,
        steps: steps, strategy: strategy)
      simulation.warmSteps = warmSteps
      simulation.options = options
      result = try simulation.run(workload.pool, followers: followers)
    } else {
      let simulation = StagingSimulation(
        hardware: system, model: workload.model, format: workload.format, options: staging)
      let staged = try simulation.run(
        workload.pool, schedule: BatchSchedule(workload.pool, size: batch, steps: steps),
        forecast: HeatmapForecast(followers.transitions), warmSteps: warmSteps)
      result = staged.simulation
      report = staged.staging
    }
    let plans = strategy.map { [.allocation, .allocationAndPrediction].contains($0) } ?? true
    let seconds = host.seconds(experts: workload.model.experts, tasks: result.mean(\.tasks))
    return Row(
      wafer: system.name, model: workload.model.name, format: workload.format,
      origin: workload.origin, batch: batch, strategy: strategy?.rawValue ?? "staged",
      layerSeconds: result.meanLayerSeconds, tokensPerSecond: result.tokensPerSecond,
      hops: result.mean(\.hops), localReads: result.mean(\.localReads),
      remoteReads: result.mean(\.remoteReads), copies: result.mean(\.copies),
      hostOverhead: plans ? seconds / result.meanLayerSeconds : nil, staging: report)
  }
}
