import Demand
import RoutingTrace
import Staging
import Wafer

/// Requests that arrive, wait, and are served by continuous batching: what they see of it.
///
/// A step takes one token of every request that decodes and, with what is left of its room, pieces of
/// prompts in the order of arrival. Its MoE layers are timed by a strategy of the paper or by the
/// staging engine; time between layers is the simulation's. A request begins when a slot is free, its
/// first token is out at the end of the step that ends its prompt, and each further one a step later.
///
/// ```swift
/// let serving = ServingSimulation(timer: .strategy(simulation), slots: 16, stepTokens: 512)
/// let result = try serving.run(pool, arrivals: .poisson(rate: 2, count: 100, seed: 1), seed: 1)
/// print(result.timeToFirstToken.percentile(99))
/// ```
public struct ServingSimulation: Sendable {
  /// What times the layers.
  public enum Timer: Sendable {
    /// A strategy that needs no heatmap.
    case strategy(Simulation)
    /// The staging engine with a forecast that is made from the batches alone.
    case staged(StagingSimulation, ForecastChoice)
  }

  /// What times the layers.
  public let timer: Timer
  /// Requests under way at once, at most.
  public let slots: Int
  /// Tokens of a step, at most, but for one of every request that decodes.
  public let stepTokens: Int

  /// - Parameters:
  ///   - slots: Requests under way at once, at least 1.
  ///   - stepTokens: Room of a step for prompts beside decoded tokens, at least 1.
  public init(timer: Timer, slots: Int, stepTokens: Int) {
    self.timer = timer
    self.slots = slots
    self.stepTokens = stepTokens
  }

  /// Serves all requests that arrive.
  ///
  /// - Parameters:
  ///   - pool: The requests' tokens, prompts among them.
  ///   - seed: Of the endless, shuffled queue from which each arrival takes its request.
  /// - Throws: ``Demand/SimulationError`` where pool, model and options do not fit each other.
  /// - Complexity: that of the timer for every layer of every step; as many steps as the longest
  ///   requests behind one another have tokens.
  public func run(
    _ pool: RequestPool, arrivals: Arrivals, seed: UInt64
  ) throws(SimulationError) -> ServingResult {
    var timer = try layerTimer(pool)
    return try ContinuousBatching(slots: slots, stepTokens: stepTokens)
      .run(pool, arrivals: arrivals, seed: seed) { tokens, step, _ throws(SimulationError) in
        stepSeconds(tokens, pool, step: step, &timer)
      }
  }

  /// Seconds of all the model's layers for a batch, and of what lies between them.
  private func stepSeconds(
    _ tokens: [Int], _ pool: RequestPool, step: Int, _ timer: inout any LayerTimer
  ) -> Double {
    let (layers, experts) = (pool.shape.layers, pool.shape.experts)
    var seconds = 0.0
    for layer in 0..<layers {
      let chosen = pool.chosen(by: tokens, layer: layer)
      var counts = Array(repeating: 0, count: experts)
      for id in chosen where Int(id) < experts { counts[Int(id)] += 1 }
      seconds += timer.seconds(step: step, layer: layer, counts: counts, chosen: chosen)
    }
    let modelLayers = Double(model.moeLayers.count)
    return seconds * modelLayers / Double(layers) + gapSeconds * modelLayers
  }

  private var model: ModelShape {
    switch timer {
    case .strategy(let simulation): simulation.model
    case .staged(let simulation, _): simulation.model
    }
  }

  private var gapSeconds: Double {
    switch timer {
    case .strategy(let simulation): simulation.gapSeconds
    case .staged(let simulation, _): simulation.options.gapSeconds
    }
  }

  private func layerTimer(_ pool: RequestPool) throws(SimulationError) -> any LayerTimer {
    switch timer {
    case .strategy(let simulation):
      guard !simulation.strategy.predicts else {
        throw SimulationError(
          "\(simulation.strategy.rawValue) goes by a heatmap of a schedule, and arrivals have none;"
            + " take base, ep, allo, or the staging engine")
      }
      try simulation.check(pool)
      return StrategyTimer(simulation, pool)
    case .staged(let simulation, let choice):
      let schedule = BatchSchedule(pool, size: 1, steps: 1)
      let forecast: any DemandForecast
      switch choice {
      case .none: forecast = NoForecast(experts: pool.shape.experts)
      case .persistence, .frequency:
        forecast = try ForecastSources().forecast(choice, schedule)
      default:
        throw SimulationError(
          "\(choice.rawValue) goes by a schedule, and arrivals have none; take none, persistence or"
            + " frequency")
      }
      guard simulation.options.eviction != .belady else {
        throw SimulationError("Belady's eviction looks ahead, and arrivals have no schedule")
      }
      try simulation.check(pool, schedule, 0)
      return StagedTimer(simulation, schedule, forecast)
    }
  }
}
