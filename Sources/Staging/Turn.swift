import Demand

/// A layer's turn within a run: layers run one after the other, step after step.
struct Turn {
  let step: Int
  let layer: Int
  /// Turns before this one.
  let number: Int
  private let layers: Int

  /// - Parameter layers: Layers of a step.
  init(step: Int, layer: Int, layers: Int) {
    self.step = step
    self.layer = layer
    self.layers = layers
    number = step * layers + layer
  }

  /// The number of the turn at which the schedule next asks for an expert, once this turn's layer
  /// has been read; `Int.max` if it never does.
  func nextUse(of key: ExpertKey, in schedule: BatchSchedule) -> Int {
    // A layer that this step has yet to reach asks again within it.
    let after = key.layer > layer ? step - 1 : step
    return schedule.nextUse(of: key, after: after).map { $0 * layers + key.layer } ?? .max
  }
}
