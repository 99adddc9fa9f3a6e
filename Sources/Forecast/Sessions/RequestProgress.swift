import Counting
import RoutingTrace

/// How far a request has come that is followed event by event: its open token, how much of it is
/// known, and the stage of the token before.
///
/// Every session has one and asks it first: so what is out of order is refused in one place.
struct RequestProgress {
  /// The open token and the one before it, as the kernels read them.
  let token: OpenToken
  /// MoE layers of the open token whose choice is known; nil while no token is open.
  private(set) var known: Int?
  /// Tokens closed.
  private(set) var tokens = 0
  /// The stage of the open token, or the last.
  private(set) var stage = Stage.prefill

  /// A request of which no token has been opened.
  init(shape: TraceShape) { token = OpenToken(shape: shape) }

  /// Opens the next token; returns whose state it belongs to.
  mutating func open(_ next: Stage, task: String) throws(SessionError) -> TokenOwner {
    guard known == nil else { throw .notClosed }
    let owner = TokenOwner(
      place: 0, task: TaskName.bucket(TaskName.hash(task)), isFirst: tokens == 0,
      entersDecode: tokens > 0 && stage == .prefill && next == .decode)
    token.advance(startsRequest: tokens == 0, stage: next)
    stage = next
    known = 0
    return owner
  }

  /// The event of a layer that may be forecast: a later one than those known, and as near as the
  /// predictor looks ahead.
  ///
  /// - Parameter horizon: layers ahead; 0 for a predictor that needs none of the token's layers.
  func event(_ layer: Int, horizon: Int) throws(SessionError) -> Event {
    guard let known else { throw .notOpen }
    guard (known..<token.shape.layers).contains(layer) else {
      throw .layer(layer, expected: known..<token.shape.layers)
    }
    guard horizon == 0 || layer < known + horizon else {
      throw .layer(layer, expected: known..<min(known + horizon, token.shape.layers))
    }
    return token.view(layer).event(0)
  }

  /// Throws unless `layer` is the next, and `chosen` a choice of the shape's router.
  func check(_ chosen: Span<UInt16>, layer: Int) throws(SessionError) {
    guard let known else { throw .notOpen }
    let shape = token.shape
    guard layer == known, layer < shape.layers else {
      throw .layer(layer, expected: known..<min(known + 1, shape.layers))
    }
    guard chosen.count <= shape.topK else { throw .tooMany(chosen.count, topK: shape.topK) }
    for slot in chosen.indices {
      let id = chosen[slot]
      guard id < shape.experts else { throw .expert(Int(id), experts: shape.experts) }
      for earlier in 0..<slot where chosen[earlier] == id { throw .repeated(Int(id)) }
    }
  }

  /// Notes what was chosen at the next layer.
  mutating func observe(_ chosen: Span<UInt16>, layer: Int) throws(SessionError) {
    try check(chosen, layer: layer)
    token.note(chosen, layer: layer)
    known = layer + 1
  }

  /// Closes the token, all of whose layers are known.
  mutating func close() throws(SessionError) {
    guard let known else { throw .notOpen }
    guard known == token.shape.layers else {
      throw .layer(known, expected: known..<token.shape.layers)
    }
    self.known = nil
    tokens += 1
  }
}

/// Why a session refuses a call. Whatever the reason, the session stays as it was, so the caller
/// may go on with the right call.
public enum SessionError: Error, Hashable, CustomStringConvertible {
  /// No token is open; one must be opened before its layers are forecast, observed or closed.
  case notOpen
  /// The token before is still open; it must be closed before the next is opened.
  case notClosed
  /// The layer is not one that can be forecast, or observed, now; `expected` are those that can be.
  case layer(Int, expected: Range<Int>)
  /// There is no such expert: ids go from 0 to below `experts`.
  case expert(Int, experts: Int)
  /// An expert is named twice in one choice.
  case repeated(Int)
  /// More experts than a token chooses, which is `topK`.
  case tooMany(Int, topK: Int)

  /// One sentence that says what was refused.
  public var description: String {
    switch self {
    case .notOpen: "no token is open; open one first"
    case .notClosed: "a token is open; observe all of its layers and close it first"
    case .layer(let layer, let expected):
      expected.isEmpty
        ? "layer \(layer) comes too late: all layers are known; close the token"
        : expected.count == 1
          ? "layer \(layer) is out of order; layer \(expected.lowerBound) is next"
          : "layer \(layer) is out of reach; layers \(expected.lowerBound) to "
            + "\(expected.upperBound - 1) are open"
    case .expert(let id, let experts): "expert \(id) is not one of \(experts); ids count from 0"
    case .repeated(let id): "expert \(id) is named twice; name it once"
    case .tooMany(let count, let topK):
      "\(count) experts were chosen; a token of this model chooses \(topK) at most"
    }
  }
}
