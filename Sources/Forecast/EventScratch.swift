import RoutingTrace

/// Room for the work on one event, kept from event to event.
final class EventScratch {
  let prior: UnsafeMutablePointer<Float>
  /// Averages of single rows one layer back and of the previous token, and the mean of both, which
  /// pairs and repeats fall back on.
  let layerRows: UnsafeMutablePointer<Float>
  let tokenRows: UnsafeMutablePointer<Float>
  let meanRows: UnsafeMutablePointer<Float>
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
  /// The inputs that have something to say of the event: all, or all but the last.
  var heard = 0
  /// The event's ``EventContext/fingerprint``, and where the table of repeats has it, or -1.
  var context: UInt32 = 0
  var found = -1
  private let floats: UnsafeMutablePointer<Float>

  init(experts: Int, lanes: Int, inputs count: Int, topK: Int) {
    floats = .allocate(capacity: (7 + count) * lanes)
    floats.initialize(repeating: 0, count: (7 + count) * lanes)
    prior = floats
    layerRows = floats + lanes
    tokenRows = floats + 2 * lanes
    sums = floats + 3 * lanes
    chances = floats + 4 * lanes
    errors = floats + 5 * lanes
    meanRows = floats + 6 * lanes
    inputs = floats + 7 * lanes
    let rows = MixtureLayer.groups * topK + 2
    linearRows = .allocate(capacity: rows)
    linearScales = .allocate(capacity: rows)
    linearScales.initialize(repeating: 1, count: rows)
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

extension EventContext {
  /// A hash of the sets chosen one to three layers back and by the previous token, in 32 bits; the
  /// order within a set does not count.
  var fingerprint: UInt32 {
    var hash = back1.hash(after: 0)
    hash = back2.hash(after: hash)
    hash = back3.hash(after: hash)
    hash = token.hash(after: hash)
    return UInt32(truncatingIfNeeded: hash >> 32)
  }
}

extension ExpertSet {
  /// A hash of the set, whatever its order, and of `earlier`.
  @inline(__always)
  fileprivate func hash(after earlier: UInt64) -> UInt64 {
    var sum: UInt64 = 0
    if let first {
      var slot = 0
      while slot < count {
        let id = UInt64(first[slot]) &+ 1
        sum &+= (id &* 0x9E37_79B9_7F4A_7C15) ^ ((id &* 0xBF58_476D_1CE4_E5B9) >> 29)
        slot &+= 1
      }
    }
    let hash = (earlier ^ sum) &* 0x94D0_49BB_1331_11EB
    return hash ^ (hash >> 32)
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
