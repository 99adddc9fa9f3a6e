/// Knows the schedule: the bound of what any forecast can do.
struct OracleForecast: DemandForecast {
  let name = "oracle"
  private let schedule: BatchSchedule
  private var step = 0

  init(_ schedule: BatchSchedule) { self.schedule = schedule }

  mutating func observe(step: Int, layer: Int, chosen: [UInt16]) { self.step = step }

  func nextStep(layer: Int) -> [Double] {
    // After the last step nothing comes, so nothing is worth bringing.
    guard step + 1 < schedule.steps else {
      return Array(repeating: 0, count: schedule.experts)
    }
    return schedule.counts(step: step + 1, layer: layer).map(Double.init)
  }

  func laterLayer(_ layer: Int, observed: Int) -> [Double] {
    schedule.counts(step: step, layer: layer).map(Double.init)
  }

  func nextStepDemand(layer: Int, slots: [Int]) -> ExpertDemand {
    ExpertDemand(certain: nextStep(layer: layer).map { Int($0) })
  }

  func laterLayerDemand(_ layer: Int, observed: Int, slots: [Int]) -> ExpertDemand {
    ExpertDemand(certain: laterLayer(layer, observed: observed).map { Int($0) })
  }
}
