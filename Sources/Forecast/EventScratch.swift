import RoutingTrace

/// Room for the work on one event, kept from event to event.
final class EventScratch {
  let prior: UnsafeMutablePointer<Float>
  /// Averages of single rows one layer back and of the previous token, which pairs fall back on.
  let layerRows: UnsafeMutablePointer<Float>
  let tokenRows: UnsafeMutablePointer<Float>
  let sums: UnsafeMutablePointer<Float>
  /// `[input, lane]`.
  let inputs: UnsafeMutablePointer<Float>
  /// How probable each expert is: of being among the chosen, or of being the part's own choice.
  let chances: UnsafeMutablePointer<Float>
  let errors: UnsafeMutablePointer<Float>
  /// Rows of the linear part that the event looks at.
  let linearRows: UnsafeMutablePointer<Int>
  /// How much each of them counts.
  let linearScales: UnsafeMutablePointer<Float>
  /// How much the expert in a slot counts.
  let slotScales: UnsafeMutablePointer<Float>
  let probabilities: UnsafeMutableBufferPointer<Double>
  private let floats: UnsafeMutablePointer<Float>

  init(experts: Int, lanes: Int, inputs count: Int, topK: Int) {
    floats = .allocate(capacity: (6 + count) * lanes)
    floats.initialize(repeating: 0, count: (6 + count) * lanes)
    prior = floats
    layerRows = floats + lanes
    tokenRows = floats + 2 * lanes
    sums = floats + 3 * lanes
    chances = floats + 4 * lanes
    errors = floats + 5 * lanes
    inputs = floats + 6 * lanes
    linearRows = .allocate(capacity: MixtureLayer.groups * topK + 2)
    linearScales = .allocate(capacity: MixtureLayer.groups * topK + 2)
    linearScales.initialize(repeating: 1, count: MixtureLayer.groups * topK + 2)
    slotScales = .allocate(capacity: topK)
    for slot in 0..<topK {
      let place = topK > 1 ? 1 - 2 * Float(slot) / Float(topK - 1) : 0
      (slotScales + slot).initialize(to: 1 + MixtureLayer.slotSlope * place)
    }
    probabilities = .allocate(capacity: experts)
    probabilities.initialize(repeating: 0)
  }

  deinit {
    floats.deallocate()
    linearRows.deallocate()
    linearScales.deallocate()
    slotScales.deallocate()
    probabilities.deallocate()
  }
}

/// Which earlier choices an event may look at.
struct EventContext {
  /// The same token, nearest known layer first.
  let back1: ExpertSet
  let back2: ExpertSet
  let back3: ExpertSet
  let back4: ExpertSet
  /// The previous token in this layer, the next and the one before.
  let token: ExpertSet
  let tokenAfter: ExpertSet
  let tokenBefore: ExpertSet

  init(_ event: Event, horizon: Int, isFresh: Bool) {
    func back(_ layers: Int) -> ExpertSet {
      horizon == 0 ? .none : event.earlierLayer(horizon - 1 + layers)
    }
    back1 = back(1)
    back2 = back(2)
    back3 = back(3)
    back4 = back(4)
    let row = isFresh ? -1 : Int(event.view.previous[event.token])
    let layer = event.layer
    if row >= 0 {
      token = event.experts(layer: layer, row: row)
      tokenAfter = layer + 1 < event.view.layers ? event.experts(layer: layer + 1, row: row) : .none
      tokenBefore = layer > 0 ? event.experts(layer: layer - 1, row: row) : .none
    } else {
      token = .none
      tokenAfter = .none
      tokenBefore = .none
    }
  }
}
