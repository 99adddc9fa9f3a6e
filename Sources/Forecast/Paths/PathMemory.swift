import RoutingTrace

/// The paths of the most recent tokens, whichever request they belong to, and how each request
/// under way has matched them so far.
///
/// A token's *path* is its choice in every layer. Stored tokens are numbered in the order of the
/// stream; number `n` lies in slot `n % capacity`, so the oldest is overwritten. Everything is an
/// integer.
struct PathMemory: Hashable, Sendable {
  /// How paths are compared and how they vote; one a part of the mixture.
  struct Metric: Sendable {
    /// The part of the mixture that this metric stands behind.
    let part: MixtureParts
    /// What a layer's match keeps of its score at every further layer, in 256ths.
    let layerKeep: Int32
    /// What a stored token starts with of its predecessor's final score, in 256ths.
    let historyKeep: Int32
    /// How far below the best match a voter may be, in experts.
    let slack: Int
    /// Votes fall by `exp(-sharpness)` for every expert below the best.
    let sharpness: Float
    /// How many voters are heard at most, the most recent of them.
    let voters: Int
  }

  /// The three metrics, in the order of the mixture's inputs.
  static let metrics = [
    Metric(
      part: .nearPaths, layerKeep: 179, historyKeep: 128, slack: 4, sharpness: 1, voters: 128),
    Metric(
      part: .longPaths, layerKeep: 256, historyKeep: 128, slack: 6, sharpness: 0.4, voters: 64),
    Metric(
      part: .bestPaths, layerKeep: 256, historyKeep: 16, slack: 0, sharpness: 1, voters: 32),
  ]
  /// Candidates taken by their match in the first two layers.
  static let matched = 320
  /// Candidates taken because the token before them was one.
  static let followed = 256
  /// Candidates that one event has at most.
  static let maximumCandidates = matched + followed
  /// Layers whose choices select candidates.
  static let selecting = 2
  /// Fixed point of scores: one shared expert is 64.
  static let unitShift: Int32 = 6

  /// MoE layers of a path (L).
  let layers: Int
  /// Experts of a layer (E).
  let experts: Int
  /// Experts an event chooses at most (K).
  let topK: Int
  /// Tokens stored at most, a power of two from 512.
  let capacity: Int
  /// 64-bit words of a set of experts.
  let words: Int

  /// Tokens ever stored.
  var written = 0
  /// `[slot, layer, word]`: the experts chosen.
  var masks: [UInt64]
  /// `[layer < 2, expert, slot / 64]`: the slots that hold a token which chose the expert.
  var columns: [UInt64]
  /// A slot: number of the token that followed in its request, or -1.
  var successors: [Int32]
  /// A live request: number of its last stored token, or -1.
  var lastStored: [Int32] = []
  /// What the last tokens of live requests left behind.
  var trails = PathTrails()

  /// Where a slot's set of one layer lies in ``masks``: a plane a slot, a row a layer.
  var sets: RowMajor { RowMajor(rows: layers, columns: words) }

  /// The capacity of a memory for at least `tokens` tokens.
  static func rounded(_ tokens: Int) -> Int {
    var rounded = 512
    while rounded < tokens, rounded < 1 << 24 { rounded *= 2 }
    return rounded
  }

  /// A memory without paths; `capacity` is one of ``rounded(_:)``.
  init(shape: TraceShape, capacity: Int) {
    layers = shape.layers
    experts = shape.experts
    topK = shape.topK
    let rounded = Self.rounded(capacity)
    self.capacity = rounded
    words = (shape.experts + 63) / 64
    masks = [UInt64](repeating: 0, count: rounded * layers * words)
    columns = [UInt64](
      repeating: 0, count: min(Self.selecting, layers) * experts * (rounded / 64))
    successors = [Int32](repeating: -1, count: rounded)
  }

  /// Bytes that the paths of `capacity` tokens take, and the work on them.
  static func bytes(shape: TraceShape, capacity: Int) -> Int {
    let slots = rounded(capacity)
    let words = (shape.experts + 63) / 64
    let stored = slots * (shape.layers * words * 8 + 4)
    return stored + min(selecting, shape.layers) * shape.experts * slots / 8
  }

  /// Makes room for the state of `places` requests under way.
  mutating func reserve(places: Int) {
    lastStored += repeatElement(-1, count: max(0, places - lastStored.count))
    trails.reserve(places: places)
  }
}
