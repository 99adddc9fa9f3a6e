import Forecast
import RoutingTrace

/// Forecasts how many requests every expert will get, from what the batch has chosen so far.
///
/// Tokens are known by their batch slot; a slot's next token follows it in the next step. The staging
/// engine calls `observe` for every layer of every step in order, and asks in between.
public protocol DemandForecast {
  /// A name for tables.
  var name: String { get }

  /// Takes in the experts that every slot chose, `slots * topK` ids.
  mutating func observe(step: Int, layer: Int, chosen: [UInt16])

  /// Expected requests of every expert at `layer` of the next step; asked right after that layer of
  /// this step was observed.
  func nextStep(layer: Int) -> [Double]

  /// Expected requests of every expert at `layer` of this step; asked when `observed`, an earlier
  /// layer, was the last one observed.
  func laterLayer(_ layer: Int, observed: Int) -> [Double]

  /// `nextStep` with every expert's need. Where only loads are forecast, every token is taken to have
  /// the same chances.
  ///
  /// - Parameter slots: The slots that each distinct token of the next step fills.
  func nextStepDemand(layer: Int, slots: [Int]) -> ExpertDemand

  /// `laterLayer` with every expert's need.
  ///
  /// - Parameter slots: The slots that each distinct token of this step fills.
  func laterLayerDemand(_ layer: Int, observed: Int, slots: [Int]) -> ExpertDemand
}

extension DemandForecast {
  /// Every token with the same chances of its share of the load.
  public func nextStepDemand(layer: Int, slots: [Int]) -> ExpertDemand {
    ExpertDemand(load: nextStep(layer: layer), tokens: slots)
  }

  /// Every token with the same chances of its share of the load.
  public func laterLayerDemand(_ layer: Int, observed: Int, slots: [Int]) -> ExpertDemand {
    ExpertDemand(load: laterLayer(layer, observed: observed), tokens: slots)
  }
}

/// Forecasts nothing; the engine then stages nothing.
struct NoForecast: DemandForecast {
  private let nothing: [Double]
  let name = "none"

  init(experts: Int) { nothing = Array(repeating: 0, count: experts) }

  func observe(step: Int, layer: Int, chosen: [UInt16]) {}
  func nextStep(layer: Int) -> [Double] { nothing }
  func laterLayer(_ layer: Int, observed: Int) -> [Double] { nothing }
}

/// Expects of every layer the mean of what it has asked for so far.
struct FrequencyForecast: DemandForecast {
  let name = "frequency"
  private let experts: Int
  private var sums: [[Double]]
  private var observations: [Double]

  init(layers: Int, experts: Int) {
    self.experts = experts
    sums = Array(repeating: Array(repeating: 0, count: experts), count: layers)
    observations = Array(repeating: 0, count: layers)
  }

  mutating func observe(step: Int, layer: Int, chosen: [UInt16]) {
    for id in chosen where Int(id) < experts { sums[layer][Int(id)] += 1 }
    observations[layer] += 1
  }

  func nextStep(layer: Int) -> [Double] {
    sums[layer].map { $0 / max(1, observations[layer]) }
  }

  func laterLayer(_ layer: Int, observed: Int) -> [Double] { nextStep(layer: layer) }
}

/// Expects of every layer what it asked for in the last step.
struct PersistenceForecast: DemandForecast {
  let name = "persistence"
  private var last: [[Double]]

  init(layers: Int, experts: Int) {
    last = Array(repeating: Array(repeating: 0, count: experts), count: layers)
  }

  mutating func observe(step: Int, layer: Int, chosen: [UInt16]) {
    for expert in last[layer].indices { last[layer][expert] = 0 }
    for id in chosen where Int(id) < last[layer].count { last[layer][Int(id)] += 1 }
  }

  func nextStep(layer: Int) -> [Double] { last[layer] }
  func laterLayer(_ layer: Int, observed: Int) -> [Double] { last[layer] }
}

/// The paper's forecast: rows of the cross-token heatmap, weighted with the requests of now; for later
/// layers of the same step the last known counts of that layer's token forecast.
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

/// Another forecast with its experts in a wrong order: the control that knows how much there is to
/// come, but not of what.
struct ShuffledForecast: DemandForecast {
  let name = "shuffled"
  private var forecast: any DemandForecast
  private let order: [Int]

  init(_ forecast: any DemandForecast, experts: Int, seed: UInt64) {
    self.forecast = forecast
    var random = SeededGenerator(seed: seed)
    order = Array(0..<experts).shuffled(using: &random)
  }

  mutating func observe(step: Int, layer: Int, chosen: [UInt16]) {
    forecast.observe(step: step, layer: layer, chosen: chosen)
  }

  func nextStep(layer: Int) -> [Double] {
    let expected = forecast.nextStep(layer: layer)
    return order.map { expected[$0] }
  }

  func laterLayer(_ layer: Int, observed: Int) -> [Double] {
    let expected = forecast.laterLayer(layer, observed: observed)
    return order.map { expected[$0] }
  }
}
