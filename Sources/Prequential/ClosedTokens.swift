import RoutingTrace

/// Tokens all of whose layers were observed, in the order in which they were closed; of requests
/// that are under way together they stand as they come.
///
/// ```swift
/// var closed = ClosedTokens(shape: shape)
/// closed.append(TokenRun(request: 7, stage: .decode, firstToken: 0, count: 1), ids: ids)
/// try learner.learn(closed)
/// ```
///
/// What a learner learns next, and what a trace records.
public struct ClosedTokens: Sendable {
  /// The shape of the model that routed them.
  public let shape: TraceShape
  /// Whose tokens they are, in their order; neighbours of one request are one run.
  public private(set) var runs: [TokenRun] = []
  /// The tasks of requests that begin among them.
  public private(set) var labels: [RequestLabel] = []
  /// `[token, layer, slot]`; `RoutingTrace/TokenBlock/emptySlot` for none.
  public internal(set) var ids: [UInt16] = []

  /// No tokens.
  public init(shape: TraceShape) { self.shape = shape }

  /// Tokens that there are.
  public var count: Int { ids.count / shape.idsPerToken }
  /// Whether there is nothing: no token, and no request's end.
  public var isEmpty: Bool { runs.isEmpty }

  /// Appends the tokens of a run.
  ///
  /// - Parameters:
  ///   - task: its request's, where the request begins and has one.
  ///   - ids: `count * layers * topK` values.
  public mutating func append(_ run: TokenRun, task: String = "", ids: [UInt16]) {
    append(run, task: task)
    self.ids += ids
  }

  /// Notes a run whose ids the caller appends.
  mutating func append(_ run: TokenRun, task: String) {
    if !task.isEmpty { labels.append(RequestLabel(request: run.request, task: task)) }
    if let last = runs.last, last.request == run.request, last.stage == run.stage,
      !last.endsRequest, last.firstToken + last.count == run.firstToken
    {
      runs[runs.count - 1].count += run.count
      runs[runs.count - 1].endsRequest = run.endsRequest
    } else {
      runs.append(run)
    }
  }

  /// Forgets all of it; the room stays.
  public mutating func removeAll() {
    runs.removeAll(keepingCapacity: true)
    labels.removeAll(keepingCapacity: true)
    ids.removeAll(keepingCapacity: true)
  }

  /// All of it as a block.
  ///
  /// - Throws: `RoutingTrace/BlockError` where the ids are no router's.
  /// - Complexity: O(ids).
  public func block() throws(BlockError) -> TokenBlock {
    let tokens = count
    var layerMajor: [UInt16] = []
    layerMajor.reserveCapacity(ids.count)
    for layer in 0..<shape.layers {
      for token in 0..<tokens {
        let at = token * shape.idsPerToken + layer * shape.topK
        layerMajor += ids[at..<at + shape.topK]
      }
    }
    return try TokenBlock(shape: shape, runs: runs, labels: labels, ids: layerMajor)
  }
}
