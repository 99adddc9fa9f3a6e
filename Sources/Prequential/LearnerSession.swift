import Counting
import Forecast
import RoutingTrace

/// One request that a learner forecasts while it is routed, event by event; its state is the
/// caller's.
///
/// ```swift
/// let session = learner.session(of: 7)
/// try learner.open(.decode, in: session)
/// for layer in 0..<learner.shape.layers {
///   let chances = try learner.forecast(layer, by: 0, in: session)
///   try learner.observe(router(layer), layer: layer, in: session)
/// }
/// let token = try learner.close(session)
/// try learner.learn([token])
/// ```
///
/// Forecasts only read the learner. What was closed is learnt when ``Learner/learn(_:workers:)`` is
/// told to, by the pass over chunks: so the learner becomes, to the last bit, what that pass makes
/// of the same tokens in the order in which they were closed. Used from one thread at a time.
public final class LearnerSession {
  /// The request's number, by which the learner knows it again.
  public let request: UInt64
  /// The request's task, or empty.
  public let task: String
  /// For all predictors that count.
  fileprivate let counting: EventSession
  /// One for each of the learner's models.
  fileprivate let sessions: [LearntModel.Session]
  /// The stage of the open token, or of the last.
  public fileprivate(set) var stage = Stage.decode
  /// The open token's position in its request, or that of the token to come.
  public fileprivate(set) var position: Int
  /// MoE layers of the open token that were observed; nil while none is open.
  public var known: Int? { counting.known }

  /// The session of a request that `learner` has seen nothing of.
  fileprivate init(_ learner: Learner, request: UInt64, task: String, position: Int) {
    self.request = request
    self.task = task
    self.position = position
    counting = EventSession(shape: learner.shape)
    sessions = learner.models.map { $0.session() }
  }
}

/// A token all of whose layers were observed: what ``Learner/learn(_:workers:)`` takes.
public struct ClosedToken: Hashable, Sendable {
  /// The number of its request.
  public var request: UInt64
  /// Its position in the request, prefill included, from 0.
  public var position: Int
  /// Prefill or decode.
  public var stage: Stage
  /// The request's task, or empty.
  public var task: String
  /// `layers * topK` ids, layer by layer; `RoutingTrace/TokenBlock/emptySlot` for none.
  public var ids: [UInt16]
  /// Whether it is the request's last.
  public var endsRequest: Bool

  /// A token of these values.
  public init(
    request: UInt64, position: Int, stage: Stage, task: String = "", ids: [UInt16],
    endsRequest: Bool = false
  ) {
    self.request = request
    self.position = position
    self.stage = stage
    self.task = task
    self.ids = ids
    self.endsRequest = endsRequest
  }
}

extension TokenBlock {
  /// Tokens in the order in which they were closed, as a chunk of a trace.
  fileprivate init(closing tokens: [ClosedToken], shape: TraceShape) throws(BlockError) {
    var runs: [TokenRun] = []
    var labels: [RequestLabel] = []
    for token in tokens {
      if token.position == 0, !token.task.isEmpty {
        labels.append(RequestLabel(request: token.request, task: token.task))
      }
      if let last = runs.last, last.request == token.request, last.stage == token.stage,
        !last.endsRequest, last.firstToken + last.count == token.position
      {
        runs[runs.count - 1].count += 1
        runs[runs.count - 1].endsRequest = token.endsRequest
      } else {
        runs.append(
          TokenRun(
            request: token.request, stage: token.stage, firstToken: token.position, count: 1,
            endsRequest: token.endsRequest))
      }
    }
    var ids: [UInt16] = []
    ids.reserveCapacity(tokens.count * shape.idsPerToken)
    for layer in 0..<shape.layers {
      for token in tokens {
        ids += token.ids.dropFirst(layer * shape.topK).prefix(shape.topK)
      }
    }
    try self.init(shape: shape, runs: runs, labels: labels, ids: ids)
  }
}

extension Learner {
  /// The session of a request that begins.
  ///
  /// - Parameters:
  ///   - request: its number, which no other request under way has.
  ///   - task: the name of its task, empty where it is not known.
  ///   - position: the position of its first token that will be seen.
  public func session(
    of request: UInt64, task: String = "", from position: Int = 0
  ) -> LearnerSession {
    LearnerSession(self, request: request, task: task, position: position)
  }

  /// Opens the request's next token.
  ///
  /// - Throws: `Forecast/SessionError` while the token before is open.
  public func open(_ stage: Stage, in session: LearnerSession) throws(SessionError) {
    try session.counting.open(stage)
    session.stage = stage
    for (model, own) in zip(models, session.sessions) {
      try model.open(stage, task: session.task, in: own)
    }
  }

  /// How far ahead of the last observed layer a predictor forecasts, 1 for the next; 0 where it
  /// needs none of the token's layers.
  ///
  /// - Parameter predictor: index into ``predictors``.
  public func horizon(of predictor: Int) -> Int {
    guard specs[predictor].predictor == nil else { return 1 }
    return models[specs[..<predictor].count { $0.settings != nil }].horizon
  }

  /// The probabilities of the experts of `layer` by one predictor, given the layers observed so
  /// far; their sum is 1.
  ///
  /// - Parameters:
  ///   - layer: not observed yet, and within the predictor's horizon.
  ///   - predictor: index into ``predictors``.
  /// - Returns: one value an expert, valid until the session is used again.
  /// - Throws: `Forecast/SessionError` where no token is open, or the layer is not one that can
  ///   be forecast now.
  public func forecast(
    _ layer: Int, by predictor: Int, in session: LearnerSession
  ) throws(SessionError) -> UnsafeMutableBufferPointer<Double> {
    if let formula = specs[predictor].predictor {
      return try formula.forecast(layer, from: layers[layer].counts, in: session.counting)
    }
    let index = specs[..<predictor].count { $0.settings != nil }
    return try models[index].forecast(layer, in: session.sessions[index])
  }

  /// Notes the experts that the router chose at the next layer; an empty choice is an event without
  /// one.
  ///
  /// - Throws: `Forecast/SessionError` where `layer` is not the next, or the ids are no choice of
  ///   the shape's router.
  public func observe(
    _ chosen: [UInt16], layer: Int, in session: LearnerSession
  ) throws(SessionError) {
    try session.counting.observe(chosen, layer: layer)
    for (model, own) in zip(models, session.sessions) {
      try model.observe(chosen, layer: layer, in: own)
    }
  }

  /// Closes the token; it is the previous one from then on.
  ///
  /// - Parameter endsRequest: whether it is the request's last.
  /// - Returns: the token, for ``learn(_:workers:)``.
  /// - Throws: `Forecast/SessionError` where no token is open, or layers of it are not observed.
  public func close(
    _ session: LearnerSession, endsRequest: Bool = false
  ) throws(SessionError) -> ClosedToken {
    try session.counting.close()
    for (model, own) in zip(models, session.sessions) { try model.close(own) }
    defer { session.position += 1 }
    return ClosedToken(
      request: session.request, position: session.position, stage: session.stage,
      task: session.task, ids: session.counting.ids, endsRequest: endsRequest)
  }

  /// Scores and learns tokens that were closed, in this order.
  ///
  /// Tokens that were in flight together are learnt one after another all the same, and each is
  /// forecast anew before it is: learning from forecasts that were made before others were learnt
  /// would lead weights astray.
  ///
  /// - Throws: ``LearnerError``, or what is wrong with the tokens; nothing has been learnt then.
  /// - Complexity: as ``consume(_:learns:workers:)`` for as many tokens.
  public mutating func learn(_ closed: [ClosedToken], workers: Int = 1) throws {
    let block = try TokenBlock(closing: closed, shape: shape)
    try consume(block, learns: true, workers: workers)
    progress.pass(block)
  }
}
