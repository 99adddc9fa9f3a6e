/// The paper's forecast: rows of the cross-token heatmap, weighted with the requests of now; for
/// later layers of the same step the last known counts of that layer's token forecast.
struct HeatmapForecast: DemandForecast {
  let name = "heatmap"
  /// What is known beforehand; nil where it is counted as batches go by.
  private let known: TransitionCounts?
  private var counted: OnlineHeatmap?
  private var expected: [[Double]]

  /// Of a heatmap known beforehand.
  init(_ transitions: TransitionCounts) {
    known = transitions
    expected = Array(
      repeating: Array(repeating: 0, count: transitions.experts), count: transitions.layers)
  }

  /// Of one that is counted over the schedule's batches.
  init(counting schedule: BatchSchedule) {
    known = nil
    counted = OnlineHeatmap(schedule)
    expected = Array(
      repeating: Array(repeating: 0, count: schedule.experts), count: schedule.layers)
  }

  mutating func observe(step: Int, layer: Int, chosen: [UInt16]) {
    counted?.observe(step: step, layer: layer, chosen: chosen)
    guard let transitions = known ?? counted?.transitions else { return }
    let experts = transitions.experts
    var now = Array(repeating: 0.0, count: experts)
    for id in chosen where Int(id) < experts { now[Int(id)] += 1 }
    // A row of K followers an event sums to K; normalised, it hands on as many requests as it got.
    var next = Array(repeating: 0.0, count: experts)
    for expert in 0..<experts where now[expert] > 0 {
      let row = transitions.row(layer, expert)
      let sum =
        counted?.sum(layer: layer, expert: expert) ?? row.reduce(0.0) { $0 + Double($1) }
      guard sum > 0 else { continue }
      let scale = now[expert] / sum
      for (follower, count) in row.enumerated() where count > 0 {
        next[follower] += scale * Double(count)
      }
    }
    expected[layer] = next
  }

  func nextStep(layer: Int) -> [Double] { expected[layer] }
  func laterLayer(_ layer: Int, observed: Int) -> [Double] { expected[layer] }
}
