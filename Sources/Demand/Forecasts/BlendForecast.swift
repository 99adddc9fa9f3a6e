/// A batch's demand as several forecasts of it together have told best so far.
///
/// Put together are, for the next step of a layer: the sum of the slots' own mixtures; what the
/// slots whose request goes on asked for last (persistence), with what arrivals, the slots that are
/// refilled, ask for on average; the slots' likeliest experts; the decayed mean of the last steps;
/// and the mean of all steps. For a later layer of the same step: the mixtures of that horizon, the
/// likeliest experts by these, and what was expected of the layer when the step before had gone
/// through it. ``BlendWeights`` finds how much each counts, over all layers.
///
/// Loads alone are means, for those who stage by them; the load of a demand is the guess that
/// misplaces the fewest requests. The need of an expert is that of the mixtures, with its load set
/// to that.
struct BlendForecast: DemandForecast {
  let name = "blend"
  /// Weight of the last step in the decayed mean.
  private static let decay = 0.3

  private let schedule: BatchSchedule
  private var mixture: TableForecast
  private var frequency: FrequencyForecast
  private var step = 0
  /// By layer: the decayed mean of its requests.
  private var recent: [[Double]]
  /// By layer: what was put together for its next step, and what came of that.
  private var nextSteps: Way
  /// By layers ahead, from 1.
  private var laterLayers: [Way] = []

  /// One way of looking ahead.
  private struct Way {
    var weights: BlendWeights
    /// By layer: the forecasts of its coming turn that are put together; nil once it came.
    var parts: [[[Double]]?]
    /// By layer: their blend that is right on average, and the one that misplaces least.
    var means: [[Double]]
    var guesses: [[Double]]

    init(parts: Int, layers: Int, experts: Int) {
      weights = BlendWeights(parts: parts)
      self.parts = Array(repeating: nil, count: layers)
      means = Array(repeating: Array(repeating: 0, count: experts), count: layers)
      guesses = means
    }

    mutating func expect(_ layer: Int, _ parts: [[Double]]) {
      self.parts[layer] = parts
      means[layer] = BlendWeights.blend(parts, weights.means)
      guesses[layer] = BlendWeights.blend(parts, weights.guesses)
    }

    mutating func learn(_ layer: Int, _ counts: [Double]) {
      guard let parts = parts[layer] else { return }
      weights.learn(parts, counts)
      self.parts[layer] = nil
    }
  }

  /// - Parameter mixture: Of the same schedule.
  init(_ mixture: TableForecast, _ schedule: BatchSchedule) {
    let (layers, experts) = (schedule.layers, schedule.experts)
    self.schedule = schedule
    self.mixture = mixture
    frequency = FrequencyForecast(layers: layers, experts: experts)
    recent = Array(repeating: Array(repeating: 0, count: experts), count: layers)
    nextSteps = Way(parts: 5, layers: layers, experts: experts)
    laterLayers = (0..<mixture.horizons).map { _ in
      Way(parts: 3, layers: layers, experts: experts)
    }
  }

  mutating func observe(step: Int, layer: Int, chosen: [UInt16]) {
    self.step = step
    let counts = schedule.counts(step: step, layer: layer).map(Double.init)
    nextSteps.learn(layer, counts)
    for index in laterLayers.indices { laterLayers[index].learn(layer, counts) }
    mixture.observe(step: step, layer: layer, chosen: chosen)
    frequency.observe(step: step, layer: layer, chosen: chosen)
    let weight = step == 0 ? 1 : Self.decay
    for (expert, count) in counts.enumerated() {
      recent[layer][expert] += weight * (count - recent[layer][expert])
    }
    if step + 1 < schedule.steps {
      let mean = frequency.nextStep(layer: layer)
      nextSteps.expect(
        layer,
        [
          mixture.nextStep(layer: layer), carriedOn(layer, chosen, mean),
          mixture.likeliestOfNextStep(layer: layer), recent[layer], mean,
        ])
    }
    for index in laterLayers.indices where layer + index + 1 < schedule.layers {
      let later = layer + index + 1
      laterLayers[index].expect(
        later,
        [
          mixture.laterLayer(later, observed: layer), nextSteps.means[later],
          mixture.likeliest(later, observed: layer),
        ])
    }
  }

  /// What the slots that go on asked for, and what those that are refilled will on average.
  private func carriedOn(_ layer: Int, _ chosen: [UInt16], _ mean: [Double]) -> [Double] {
    let (now, next) = (schedule.tokens[step], schedule.tokens[step + 1])
    let topK = chosen.count / max(1, now.count)
    var load = Array(repeating: 0.0, count: schedule.experts)
    var arrivals = 0
    for slot in now.indices {
      guard slot < next.count, next[slot] == now[slot] + 1 else {
        arrivals += 1
        continue
      }
      for id in chosen[slot * topK..<(slot + 1) * topK] where Int(id) < load.count {
        load[Int(id)] += 1
      }
    }
    let share = Double(arrivals) / Double(max(1, now.count))
    for expert in load.indices { load[expert] += share * mean[expert] }
    return load
  }

  func nextStep(layer: Int) -> [Double] { nextSteps.means[layer] }

  func laterLayer(_ layer: Int, observed: Int) -> [Double] {
    way(to: layer, from: observed).means[layer]
  }

  /// Further ahead than the mixtures look, what was expected after the last step stays.
  private func way(to layer: Int, from observed: Int) -> Way {
    let index = layer - observed - 1
    return laterLayers.indices.contains(index) ? laterLayers[index] : nextSteps
  }

  func nextStepDemand(layer: Int, slots: [Int]) -> ExpertDemand {
    demand(mixture.nextStepDemand(layer: layer, slots: slots), nextSteps.guesses[layer], slots)
  }

  func laterLayerDemand(_ layer: Int, observed: Int, slots: [Int]) -> ExpertDemand {
    demand(
      mixture.laterLayerDemand(layer, observed: observed, slots: slots),
      way(to: layer, from: observed).guesses[layer], slots)
  }

  /// The mixtures' demand with the blend's load; of alike tokens where the mixtures tell nothing.
  private func demand(
    _ mixture: ExpertDemand, _ load: [Double], _ slots: [Int]
  ) -> ExpertDemand {
    guard mixture.load.contains(where: { $0 > 0 }) else {
      return ExpertDemand(load: load, tokens: slots)
    }
    return mixture.scaled(by: zip(load, mixture.load).map { $1 > 1e-6 ? $0 / $1 : 1 })
  }
}
