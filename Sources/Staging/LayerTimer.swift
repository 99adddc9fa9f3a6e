import Demand
import RoutingTrace
import Wafer

/// What times the layers of batches that nobody knows beforehand.
package protocol LayerTimer {
  /// Seconds of one layer.
  ///
  /// - Parameters:
  ///   - counts: Requests of every expert.
  ///   - chosen: The experts of every slot.
  mutating func seconds(step: Int, layer: Int, counts: [Int], chosen: [UInt16]) -> Double
}

/// The paper's strategies that look at the batch alone.
package struct StrategyTimer: LayerTimer {
  private var run: SimulationRun

  package init(_ simulation: Simulation, _ pool: RequestPool) {
    run = SimulationRun(simulation, layers: pool.shape.layers, experts: pool.shape.experts)
  }

  package mutating func seconds(
    step: Int, layer: Int, counts: [Int], chosen: [UInt16]
  ) -> Double {
    run.layer(step: step, layer: layer, counts: counts, chosen: { chosen }, by: nil)?.seconds ?? 0
  }
}

/// The staging engine with a forecast, beside the same engine without one where it is held back.
package struct StagedTimer: LayerTimer {
  private var run: ForecastRun
  private var baseline: StagingRun?
  private var plans: PlanBook
  private let nothing: LayerExpectation

  /// - Parameters:
  ///   - schedule: Nobody looks ahead in it; it says how many layers and experts there are.
  ///   - forecast: Made from what it observes alone.
  package init(
    _ setup: StagingSimulation, _ schedule: BatchSchedule, _ forecast: any DemandForecast
  ) {
    run = ForecastRun(setup, schedule, forecast)
    baseline =
      setup.options.holdsBack
      ? StagingRun(setup, schedule: schedule, certainty: .nothing) : nil
    plans = PlanBook(setup)
    nothing = .nothing(experts: schedule.experts)
  }

  package mutating func seconds(
    step: Int, layer: Int, counts: [Int], chosen: [UInt16]
  ) -> Double {
    plans.beginTurn()
    let nothing = nothing
    let without = baseline?.baselineLayer(
      step: step, layer: layer, counts: counts, expecting: nothing, sharing: &plans)
    return run.layer(
      step: step, layer: layer, counts: counts, chosen: chosen, beside: without, sharing: &plans
    ).seconds
  }
}
