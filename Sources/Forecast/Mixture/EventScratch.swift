import RoutingTrace

/// Room for the work on one event of one layer: what ``MixtureLayer`` computes for the forecast,
/// and what learning then reads of it. A worker or a session has one and keeps it from event to
/// event.
///
/// Unless told otherwise a pointer covers `lanes` values: the experts rounded up to eights.
final class EventScratch {
  /// `P0`: every expert's share of the layer's choices so far.
  let prior: UnsafeMutablePointer<Float>
  /// Averages of single rows one layer back, which pairs and repeats fall back on.
  let layerRows: UnsafeMutablePointer<Float>
  /// Averages of single rows of the previous token.
  let tokenRows: UnsafeMutablePointer<Float>
  /// The mean of ``layerRows`` and ``tokenRows``, which joint pairs fall back on.
  let meanRows: UnsafeMutablePointer<Float>
  /// Sums over rows or votes while one part is computed.
  let sums: UnsafeMutablePointer<Float>
  /// `[input, lane]`: what every part says of every expert, first as a probability, then as log
  /// odds.
  let inputs: UnsafeMutablePointer<Float>
  /// How probable each expert is: of being among the chosen, or of being the part's own choice.
  let chances: UnsafeMutablePointer<Float>
  /// For every expert, 1 or 0 as it was chosen, less its chance: the gradient that weights follow.
  let errors: UnsafeMutablePointer<Float>
  /// Rows of the linear part that the event looks at.
  let linearRows: UnsafeMutablePointer<Int>
  /// How many they are.
  var linearRowCount = 0
  /// How much each of them counts.
  let linearScales: UnsafeMutablePointer<Float>
  /// How much the expert in a slot counts.
  let slotScales: UnsafeMutablePointer<Float>
  /// The forecast that is handed out: `experts` values whose sum is 1.
  let probabilities: UnsafeMutableBufferPointer<Double>
  /// The inputs that have something to say of the event: all, or all but the last.
  var activeInputs = 0
  /// The event's ``EventContext/fingerprint``.
  var context: UInt32 = 0
  /// Where the table of repeats has ``context``, or -1.
  var found = -1
  /// The one allocation that the pointers to `Float` above point into.
  private let floats: UnsafeMutablePointer<Float>

  /// Allocates room for events of `topK` of `experts` experts in `lanes` lanes, with `count`
  /// inputs.
  init(experts: Int, lanes: Int, inputs count: Int, topK: Int) {
    // The room begins at a cache line's start, as the tables do, so that a vector never lies across
    // two lines.
    let byteCount = (7 + count) * lanes * MemoryLayout<Float>.stride
    floats = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: 64)
      .bindMemory(to: Float.self, capacity: (7 + count) * lanes)
    floats.initialize(repeating: 0, count: (7 + count) * lanes)
    prior = floats
    layerRows = floats + lanes
    tokenRows = floats + 2 * lanes
    sums = floats + 3 * lanes
    chances = floats + 4 * lanes
    errors = floats + 5 * lanes
    meanRows = floats + 6 * lanes
    inputs = floats + 7 * lanes
    let rows = EarlierChoices.count * topK + 2
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
