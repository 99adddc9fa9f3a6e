/// The paper's forecast: rows of the cross-token heatmap, weighted with the requests of now; for
/// later layers of the same step the last known counts of that layer's token forecast.
struct HeatmapForecast: DemandForecast {
  let name = "heatmap"
  private let transitions: TransitionCounts
  private var expected: [[Double]]

  init(_ transitions: TransitionCounts) {
    self.transitions = transitions
    expected = Array(
      repeating: Array(repeating: 0, count: transitions.experts), count: transitions.layers)
  }

  mutating func observe(step: Int, layer: Int, chosen: [UInt16]) {
    let experts = transitions.experts
    var now = Array(repeating: 0.0, count: experts)
    for id in chosen where Int(id) < experts { now[Int(id)] += 1 }
    // A row of K followers an event sums to K; normalised, it hands on as many requests as it got.
    var next = Array(repeating: 0.0, count: experts)
    for expert in 0..<experts where now[expert] > 0 {
      let row = transitions.row(layer, expert)
      let sum = row.reduce(0.0) { $0 + Double($1) }
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
