import MemoryBudget
import RoutingTrace

/// The requests of a trace as a server has them under way: so many at a time, each of which gives a
/// token a step. They begin in the order of the trace; where one ends, the next takes its slot.
///
/// ```swift
/// var requests = RequestsInFlight(8, shape: stream.shape)
/// while let chunk = try stream.next() {
///   requests.add(chunk.block)
///   while let tokens = requests.nextStep() { print(tokens.count) }
/// }
/// while let tokens = requests.nextStep(isTraceAtEnd: true) { print(tokens.count) }
/// ```
///
/// A trace that tells one request after another is kept until the slots are filled.
public struct RequestsInFlight {
  /// A request's token in a step.
  public struct Token: Hashable, Sendable {
    /// The number of its request.
    public var request: UInt64
    /// The request's task, or empty.
    public var task: String
    /// Its position in the request, prefill included, from 0.
    public var position: Int
    /// Prefill or decode.
    public var stage: Stage
    /// The experts chosen, layer by layer; none where nobody recorded them.
    public var chosen: [[UInt16]]
    /// Whether it is known to be the request's last.
    public var endsRequest: Bool
    /// The place in the batch that the request keeps to its end.
    public var slot: Int
  }

  /// Consecutive tokens of a request, `[layer, token, slot]`.
  private struct Piece {
    let run: TokenRun
    let ids: [UInt16]
  }

  /// A request that began and has not given all its tokens.
  private struct Waiting {
    let task: String
    var pieces: ArraySlice<Piece> = []
    /// Tokens that the first piece has given.
    var given = 0
    var hasEnded = false
  }

  /// Requests under way at a time.
  public var slots: Int { slotted.count }
  private let shape: TraceShape
  /// The request in each slot.
  private var slotted: [UInt64?]
  /// The requests in slots, and those that wait for one.
  private var requests: [UInt64: Waiting] = [:]
  /// Those that wait, in the order of the trace.
  private var queue: ArraySlice<UInt64> = []
  /// Ids of all tokens that have not been given.
  private var ids = 0

  /// Nobody is under way.
  ///
  /// - Precondition: `slots` is positive.
  public init(_ slots: Int, shape: TraceShape) {
    precondition(slots > 0, "a batch of no requests")
    self.shape = shape
    slotted = Array(repeating: nil, count: slots)
  }

  /// What the tokens that wait take.
  public var memoryDemand: MemoryDemand {
    let bytes = ids * MemoryLayout<UInt16>.stride
    return MemoryDemand(
      "the tokens that wait until \(slots) requests are under way", bytes: bytes,
      alternatives: slots == 1 ? [] : [.init("--batch \(slots / 2)", bytes: bytes / 2)])
  }

  /// Adds a chunk's tokens to their requests.
  ///
  /// - Precondition: the block's shape is compatible with the trace's.
  public mutating func add(_ block: TokenBlock) {
    precondition(block.shape.isCompatible(with: shape), "a chunk of another shape")
    let tasks = Dictionary(
      block.labels.map { ($0.request, $0.task) }, uniquingKeysWith: { first, _ in first })
    let place = RowMajor(rows: block.tokens, columns: shape.topK)
    var first = 0
    for run in block.runs {
      if requests[run.request] == nil {
        requests[run.request] = Waiting(task: tasks[run.request] ?? "")
        queue.append(run.request)
      }
      if run.count > 0 {
        var piece: [UInt16] = []
        piece.reserveCapacity(run.count * shape.idsPerToken)
        for layer in 0..<shape.layers {
          piece += block.ids[place[layer, rows: first..<first + run.count]]
        }
        ids += piece.count
        requests[run.request]?.pieces.append(Piece(run: run, ids: piece))
      }
      if run.endsRequest { requests[run.request]?.hasEnded = true }
      first += run.count
    }
  }

  /// The tokens of the next step, a token a request under way, slot by slot; nil where more of the
  /// trace has to be known first, or nothing is left of it.
  ///
  /// - Parameter isTraceAtEnd: nothing more will be added, so that requests without tokens have
  ///   ended and slots may stay empty.
  /// - Complexity: O(slots * layers * topK).
  public mutating func nextStep(isTraceAtEnd: Bool = false) -> [Token]? {
    for slot in slotted.indices { fill(slot, isTraceAtEnd) }
    let isReady = slotted.allSatisfy { $0.flatMap { requests[$0] }?.pieces.isEmpty == false }
    guard isReady || isTraceAtEnd else { return nil }
    let tokens = slotted.enumerated().compactMap { slot, number in
      number.flatMap { give($0, slot) }
    }
    return tokens.isEmpty ? nil : tokens
  }

  /// Frees a slot whose request has ended, and gives a free one to the next that has a token.
  private mutating func fill(_ slot: Int, _ isTraceAtEnd: Bool) {
    while true {
      guard let number = slotted[slot] ?? queue.popFirst(), let request = requests[number] else {
        return
      }
      slotted[slot] = number
      guard request.pieces.isEmpty, request.hasEnded || isTraceAtEnd else { return }
      requests[number] = nil
      slotted[slot] = nil
    }
  }

  /// The request's next token, which it has then given.
  private mutating func give(_ number: UInt64, _ slot: Int) -> Token? {
    guard var request = requests[number], let piece = request.pieces.first else { return nil }
    let place = RowMajor(rows: piece.run.count, columns: shape.topK)
    let given = request.given
    request.given += 1
    let isLast = request.given == piece.run.count
    if isLast {
      request.pieces.removeFirst()
      request.given = 0
    }
    ids -= shape.idsPerToken
    requests[number] = request
    return Token(
      request: number, task: request.task, position: piece.run.firstToken + given,
      stage: piece.run.stage,
      chosen: (0..<shape.layers).map { layer in
        piece.ids[place[layer, given]].filter { $0 != TokenBlock.emptySlot }
      }, endsRequest: isLast && piece.run.endsRequest, slot: slot)
  }
}
