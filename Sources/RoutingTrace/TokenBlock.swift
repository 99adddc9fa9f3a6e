/// The two stages of serving a request: its prompt is read, then its answer is generated.
public enum Stage: UInt8, CaseIterable, Sendable {
  /// The prompt's tokens, all known before and routed together.
  case prefill = 0
  /// Generated tokens, routed one at a time.
  case decode = 1

  /// `prefill` or `decode`.
  public var name: String { self == .prefill ? "prefill" : "decode" }
}

/// A run of consecutive tokens of one request in one stage; <doc:Container> tells what runs may
/// follow each other.
///
/// ```swift
/// // The first chunk of request 7's prompt, 512 tokens; more are to come.
/// let run = TokenRun(request: 7, stage: .prefill, firstToken: 0, count: 512)
/// ```
public struct TokenRun: Hashable, Sendable {
  /// The request's number, unique within a stream, below 2^64 - 1.
  public var request: UInt64
  /// The stage of all its tokens; of a run that has none it says nothing.
  public var stage: Stage
  /// Position of the run's first token in its request, prefill included, from 0.
  public var firstToken: Int
  /// Tokens in the run; may be 0 where it only ends a request.
  public var count: Int
  /// Whether the request ends with this run.
  public var endsRequest: Bool

  /// Whether the request begins with this run.
  public var begins: Bool { firstToken == 0 && (count > 0 || endsRequest) }

  /// A run of `count` tokens, the first of them at `firstToken` of the request.
  public init(
    request: UInt64, stage: Stage, firstToken: Int, count: Int, endsRequest: Bool = false
  ) {
    self.request = request
    self.stage = stage
    self.firstToken = firstToken
    self.count = count
    self.endsRequest = endsRequest
  }
}

/// What is known of a request beside its tokens: name and task. Told once, in the chunk of its
/// first run.
public struct RequestLabel: Hashable, Sendable {
  /// The request's number, as in its runs.
  public var request: UInt64
  /// The name its source gave it, or empty.
  public var name: String
  /// The task it belongs to (subject, language, benchmark), or empty.
  public var task: String

  /// A label; what is not known stays empty.
  public init(request: UInt64, name: String = "", task: String = "") {
    self.request = request
    self.name = name
    self.task = task
  }
}

/// One chunk of a trace in columns: tokens of any number of requests, run by run, and the experts
/// that each chose in every MoE layer.
///
/// ```swift
/// let shape = try TraceShape(modelLayers: [0, 1], experts: 8, topK: 2)
/// let run = TokenRun(request: 0, stage: .prefill, firstToken: 0, count: 2, endsRequest: true)
/// // [layer, token, slot]: layer 0 of both tokens, then layer 1.
/// let block = try TokenBlock(shape: shape, runs: [run], ids: [5, 1, 0, 7, 2, 3, 4, 6])
/// print(block.chosen(layer: 1, token: 0))   // [2, 3]
/// ```
///
/// Ids and gate weights are layer-major: the ids of MoE layer `l`, token `t` start at
/// `(l * tokens + t) * topK`, in the order of the source (descending gate weight where it has one),
/// unused slots last and ``emptySlot``. Layer-major order compresses better and lets a learner keep
/// one layer's tables in cache (94 against 196 ns an event).
public struct TokenBlock: Hashable, Sendable {
  /// The id in a slot that holds no expert.
  public static let emptySlot: UInt16 = .max
  /// Bytes that a chunk may decode to, 256 MiB: what a reader accepts and a writer stays below.
  public static let largestPayload = 1 << 28

  /// The shape of the trace that the block is of.
  public let shape: TraceShape
  /// Tokens in the block (T), the sum of all runs' counts.
  public let tokens: Int
  /// The tokens' owners, in the order of the columns.
  public let runs: [TokenRun]
  /// Names and tasks of requests that begin in this block and have any.
  public let labels: [RequestLabel]
  /// Expert ids, `[layer, token, slot]`: `layers * tokens * topK` values.
  public let ids: [UInt16]
  /// Gate weights beside the ids, in the same order: finite numbers on the router's own scale, or
  /// nil where the source has none.
  public let weights: [Float16]?

  /// Whether no slot of any event is empty.
  public let isFull: Bool

  /// Events in the block: one a token and MoE layer.
  public var events: Int { tokens * shape.layers }

  /// Checks every column against the shape: lengths, ids below E, no expert twice in an event,
  /// empty slots last, weights that are numbers, positions of tokens.
  ///
  /// - Parameters:
  ///   - shape: what every event has in common.
  ///   - runs: the tokens' owners, in the order of the columns.
  ///   - labels: names and tasks of requests that begin in the block.
  ///   - ids: `[layer, token, slot]`.
  ///   - weights: gate weights beside the ids, if any.
  /// - Throws: ``BlockError`` with the place of the first fault.
  /// - Complexity: O(ids).
  public init(
    shape: TraceShape, runs: [TokenRun], labels: [RequestLabel] = [], ids: [UInt16],
    weights: [Float16]? = nil
  ) throws(BlockError) {
    try self.init(
      shape: shape, runs: runs, labels: labels, ids: ids, weights: weights,
      allSlotsValid: Self.allSlotsValid(ids, experts: shape.experts, topK: shape.topK))
  }

  /// A block whose ids ``allSlotsValid(_:experts:topK:)`` has been asked about: where it said yes,
  /// they are not looked at again.
  init(
    shape: TraceShape, runs: [TokenRun], labels: [RequestLabel], ids: [UInt16],
    weights: [Float16]?, allSlotsValid: Bool
  ) throws(BlockError) {
    var tokens = 0
    for run in runs {
      guard run.hasPossiblePositions else {
        throw BlockError(request: run.request, problem: TokenRun.impossiblePositions)
      }
      tokens += run.count
    }
    guard ids.count == tokens * shape.idsPerToken else {
      throw BlockError(
        problem: "\(ids.count) ids for \(tokens) tokens of \(shape.idsPerToken) each")
    }
    guard weights == nil || weights?.count == ids.count else {
      throw BlockError(problem: "\(weights?.count ?? 0) gate weights for \(ids.count) ids")
    }
    self.shape = shape
    self.runs = runs
    self.labels = labels
    self.tokens = tokens
    self.ids = ids
    self.weights = weights
    isFull = allSlotsValid
    if !allSlotsValid,
      let event = Self.firstFaultyEvent(ids, experts: shape.experts, topK: shape.topK)
    {
      throw fault(inEvent: event)
    }
    if let weights, let at = Self.firstWithoutNumber(weights) {
      throw fault(
        inEvent: at / shape.topK, "gate weight \(weights[at]) is not a finite number")
    }
  }

  /// A checked block under other runs and labels, such as with its requests renumbered.
  init(unchecked block: TokenBlock, runs: [TokenRun], labels: [RequestLabel]) {
    shape = block.shape
    tokens = block.tokens
    self.runs = runs
    self.labels = labels
    ids = block.ids
    weights = block.weights
    isFull = block.isFull
  }

  /// Where an event's slots lie in ``ids``: a plane a layer, a row a token.
  public var slots: RowMajor { RowMajor(rows: tokens, columns: shape.topK) }

  /// The ids of one event, empty slots left out.
  ///
  /// - Precondition: `layer` and `token` are the block's.
  /// - Complexity: O(K); nothing is copied.
  public func chosen(layer: Int, token: Int) -> ArraySlice<UInt16> {
    ids[slots[layer, token]].prefix { $0 != Self.emptySlot }
  }

  /// The part of a layer-major column that belongs to `range`, token-major.
  func tokenMajor<Value>(_ column: [Value], _ range: Range<Int>) -> [Value] {
    var values: [Value] = []
    values.reserveCapacity(range.count * shape.idsPerToken)
    for token in range {
      for layer in 0..<shape.layers {
        values += column[slots[layer, token]]
      }
    }
    return values
  }

  /// The run that holds token `token` of the block, and the token's position in its request; nil
  /// where the block has no such token.
  ///
  /// - Complexity: O(runs).
  public func place(ofToken token: Int) -> (run: TokenRun, position: Int)? {
    var first = 0
    for run in runs {
      if token < first + run.count { return (run, run.firstToken + token - first) }
      first += run.count
    }
    return nil
  }
}

/// Why columns are no chunk of their shape: what is wrong, and where.
public struct BlockError: Error, Hashable, CustomStringConvertible {
  /// The run at fault, by its ordinal in the block.
  public var run: Int?
  /// The number of the request at fault.
  public var request: UInt64?
  /// The token at fault, by its position in its request.
  public var token: Int?
  /// The MoE layer at fault, by its ordinal.
  public var layer: Int?
  /// What is wrong, as a clause for messages.
  public var problem: String

  init(
    run: Int? = nil, request: UInt64? = nil, token: Int? = nil, layer: Int? = nil, problem: String
  ) {
    self.run = run
    self.request = request
    self.token = token
    self.layer = layer
    self.problem = problem
  }

  /// One line: the place and the problem.
  public var description: String {
    let place = [
      run.map { "run \($0)" }, request.map { "request \($0)" }, token.map { "token \($0)" },
      layer.map { "layer \($0)" },
    ].compactMap(\.self)
    return (place.isEmpty ? "" : place.joined(separator: ", ") + ": ") + problem
  }
}

extension TokenBlock {
  /// What is wrong with an event, whose place is counted through the column.
  private func fault(inEvent event: Int) -> BlockError {
    let slots = ids[event * shape.topK..<(event + 1) * shape.topK]
    let problem: String
    if let id = slots.first(where: { $0 != Self.emptySlot && Int($0) >= shape.experts }) {
      problem = "expert \(id) is outside 0 to \(shape.experts - 1)"
    } else if let filled = slots.lastIndex(where: { $0 != Self.emptySlot }),
      slots[...filled].contains(Self.emptySlot)
    {
      problem = "an empty slot stands before a filled one"
    } else {
      let ids = slots.filter { $0 != Self.emptySlot }
      let twice = ids.first { id in ids.count(where: { $0 == id }) > 1 }
      problem = "expert \(twice.map(String.init) ?? "?") is chosen twice"
    }
    return fault(inEvent: event, problem)
  }

  /// The error of an event, with its place.
  private func fault(inEvent event: Int, _ problem: String) -> BlockError {
    let layer = event / max(1, tokens)
    let place = place(ofToken: event % max(1, tokens))
    return BlockError(
      request: place?.run.request, token: place?.position, layer: shape.modelLayers[layer],
      problem: problem)
  }
}
