/// Knows the schedule: the bound of what any forecast can do.
package struct OracleForecast: DemandForecast {
  package let name = "oracle"
  package let certainty = ForecastCertainty.perfect
  private let schedule: BatchSchedule
  private var step = 0

  /// - Parameter schedule: The one that is run.
  package init(_ schedule: BatchSchedule) { self.schedule = schedule }

  package mutating func observe(step: Int, layer: Int, chosen: [UInt16]) { self.step = step }

  package func nextStep(layer: Int) -> [Double] {
    // After the last step nothing comes, so nothing is worth bringing.
    guard step + 1 < schedule.steps else {
      return Array(repeating: 0, count: schedule.experts)
    }
    return schedule.counts(step: step + 1, layer: layer).map(Double.init)
  }

  package func laterLayer(_ layer: Int, observed: Int) -> [Double] {
    schedule.counts(step: step, layer: layer).map(Double.init)
  }

  package func nextStepDemand(layer: Int, slots: [Int]) -> ExpertDemand {
    ExpertDemand(certain: nextStep(layer: layer).map { Int($0) })
  }

  package func laterLayerDemand(_ layer: Int, observed: Int, slots: [Int]) -> ExpertDemand {
    ExpertDemand(certain: laterLayer(layer, observed: observed).map { Int($0) })
  }
}
