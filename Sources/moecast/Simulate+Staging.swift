import Forecast
import ModelFile
import Prequential
import RoutingTrace
import Wafer

extension Simulate {
  /// What strategies know of the future, made once for all configurations; nil where none asks.
  struct Foreknowledge {
    var transitions: TransitionCounts?
    var mixture: MixtureTables?
  }

  /// Reads or makes what `strategies` need.
  func foreknowledge(_ pool: RequestPool, for strategies: [String]) throws -> Foreknowledge {
    var known = Foreknowledge()
    let stages = strategies.contains(Self.staged)
    let forecasts = stages ? try staging.chosen() : []
    if strategies.contains(where: { Strategy(rawValue: $0)?.predicts ?? false })
      || forecasts.contains(.heatmap) || forecasts.contains(.shuffled)
    {
      known.transitions = try transitions(pool)
    }
    if forecasts.contains(.mixture) {
      known.mixture = try MixtureTables(pool, horizon: staging.horizon, workers: threads)
    }
    return known
  }

  /// Runs the staging engine with every forecast asked for.
  func stage(
    _ hardware: Hardware, _ model: ModelShape, batch: Int, _ pool: RequestPool,
    _ known: Foreknowledge
  ) throws -> [SimulationLine] {
    let schedule = BatchSchedule(
      pool, size: batch, steps: countedSteps.all, policy: filling.policy)
    let simulation = StagingSimulation(
      hardware: hardware, model: model, format: weights ?? .bf16, options: staging.options(choices))
    func run(_ forecast: any DemandForecast, _ simulation: StagingSimulation) throws
      -> StagingResult
    {
      try simulation.run(
        pool, schedule: schedule, forecast: forecast, warmSteps: countedSteps.warm)
    }
    let perfect = try run(OracleForecast(schedule), simulation)
    var clairvoyant = simulation
    clairvoyant.options.eviction = .belady
    let belady =
      simulation.options == clairvoyant.options
      ? perfect : try run(OracleForecast(schedule), clairvoyant)
    return try staging.chosen().map { name in
      let forecast = forecast(name, schedule, pool.shape, known)
      let result = name == .oracle ? perfect : try run(forecast, simulation)
      var line = SimulationLine(
        simulation.fabric, model, batch: batch, strategy: Self.staged, engine: "bound",
        result.simulation)
      line.forecast = name.rawValue
      line.staging = StagingFigures(result.staging)
      line.regret = result.regret(against: perfect)
      line.regretToBelady = result.regret(against: belady)
      return line
    }
  }

  private func forecast(
    _ name: StagingChoices.ForecastName, _ schedule: BatchSchedule, _ shape: TraceShape,
    _ known: Foreknowledge
  ) -> any DemandForecast {
    let heatmap = known.transitions.map { HeatmapForecast($0) }
    switch (name, heatmap, known.mixture) {
    case (.frequency, _, _): return FrequencyForecast(layers: shape.layers, experts: shape.experts)
    case (.oracle, _, _): return OracleForecast(schedule)
    case (.heatmap, let heatmap?, _): return heatmap
    case (.shuffled, let heatmap?, _):
      return ShuffledForecast(heatmap, experts: shape.experts, seed: 1)
    case (.mixture, _, let tables?):
      return MixtureForecast(schedule, tables)
    case (.none, _, _), (.heatmap, _, _), (.shuffled, _, _), (.mixture, _, _):
      return NoForecast(experts: shape.experts)
    }
  }

  /// The token heatmap: a model's table, or the traces' own tokens.
  private func transitions(_ pool: RequestPool) throws -> TransitionCounts {
    guard let path = model else { return TransitionCounts(of: pool) }
    let learner = try Checkpoint.read(path).learner
    guard learner.shape.isCompatible(with: pool.shape) else {
      throw TraceError(
        .shapeMismatch, file: path, problem: "it has learnt \(learner.shape), not \(pool.shape)",
        remedy: "give a model of these traces' shape")
    }
    var counts: [UInt32] = []
    for layer in learner.layers {
      guard let pairs = layer.counts.tokenPairs else {
        throw TraceError(
          .shapeMismatch, file: path, problem: "it holds no token heatmap",
          remedy: "train it with --predictor token-markov")
      }
      counts += pairs
    }
    return TransitionCounts(
      layers: pool.shape.layers, experts: pool.shape.experts, counts: counts)
  }
}
