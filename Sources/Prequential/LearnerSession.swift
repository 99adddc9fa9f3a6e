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
/// var closed = ClosedTokens(shape: learner.shape)
/// try learner.close(session, into: &closed)
/// try learner.learn(closed)
/// ```
///
/// Forecasts only read the learner. What was closed is learnt when ``Learner/learn(_:workers:)-(ClosedTokens,_)`` is
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
  /// Whether none of its tokens was closed yet.
  public fileprivate(set) var isNew = true
  /// MoE layers of the open token that were observed; nil while none is open.
  public var known: Int? { counting.known }

  /// The session of a request that `learner` has seen nothing of.
  fileprivate init(
    _ learner: Learner, request: UInt64, task: String, position: Int, sharing other: LearnerSession?
  ) {
    self.request = request
    self.task = task
    self.position = position
    counting = EventSession(shape: learner.shape)
    sessions = learner.models.indices.map { index in
      other.map { learner.models[index].session(sharing: $0.sessions[index]) }
        ?? learner.models[index].session()
    }
  }
}

extension Learner {
  /// The session of a request that begins.
  ///
  /// - Parameters:
  ///   - request: its number, which no other request under way has.
  ///   - task: the name of its task, empty where it is not known.
  ///   - position: the position of its first token that will be seen.
  ///   - other: a session with which it may take turns in the same memory: neither is used while
  ///     the other is, and a forecast is valid until either is used. Nil for memory of its own.
  public func session(
    of request: UInt64, task: String = "", from position: Int = 0,
    sharing other: LearnerSession? = nil
  ) -> LearnerSession {
    LearnerSession(self, request: request, task: task, position: position, sharing: other)
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
    modelOf[predictor].map { models[$0].horizon } ?? 1
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
    guard let model = modelOf[predictor] else {
      guard let formula = specs[predictor].predictor else {
        preconditionFailure("no such predictor")
      }
      return try formula.forecast(layer, from: layers[layer].counts, in: session.counting)
    }
    return try models[model].forecast(layer, in: session.sessions[model])
  }

  /// The mixture of a predictor, by its index into ``predictors``; nil where it is none.
  func mixture(of predictor: Int) -> Mixture? {
    modelOf[predictor].flatMap { models[$0].mixture }
  }

  /// Of what the open token has chosen in its known layers, the share that the stored path most
  /// like it chose there too.
  ///
  /// - Parameter predictor: index into ``predictors``.
  /// - Returns: nil where the predictor is no mixture that stores paths, where it has stored none,
  ///   or no layer of the token is known.
  func bestPathMatch(of predictor: Int, in session: LearnerSession) -> Double? {
    modelOf[predictor].flatMap { models[$0].bestPathMatch(in: session.sessions[$0]) }
  }

  /// Throws what ``forecast(_:by:in:)`` would, and forecasts nothing.
  ///
  /// - Throws: `Forecast/SessionError`.
  public func check(
    forecasting layer: Int, by predictor: Int, in session: LearnerSession
  ) throws(SessionError) {
    try session.counting.check(forecasting: layer, horizon: horizon(of: predictor))
  }

  /// Throws what ``observe(_:layer:in:)-(Span<UInt16>,_,_)`` would, and notes nothing.
  ///
  /// - Throws: `Forecast/SessionError`.
  public func check(
    _ chosen: Span<UInt16>, layer: Int, in session: LearnerSession
  ) throws(SessionError) { try session.counting.check(chosen, layer: layer) }

  /// Notes the experts that the router chose at the next layer; an empty choice is an event without
  /// one.
  ///
  /// - Throws: `Forecast/SessionError` where `layer` is not the next, or the ids are no choice of
  ///   the shape's router.
  public func observe(
    _ chosen: Span<UInt16>, layer: Int, in session: LearnerSession
  ) throws(SessionError) {
    try session.counting.observe(chosen, layer: layer)
    for (model, own) in zip(models, session.sessions) {
      try model.observe(chosen, layer: layer, in: own)
    }
  }

  /// As the other `observe`, for callers that have the experts in an array.
  ///
  /// - Throws: `Forecast/SessionError`.
  public func observe(
    _ chosen: [UInt16], layer: Int, in session: LearnerSession
  ) throws(SessionError) { try observe(chosen.span, layer: layer, in: session) }

  /// Closes the token; it is the previous one from then on.
  ///
  /// - Parameter closed: where it is appended, for ``learn(_:workers:)-(ClosedTokens,_)``.
  /// - Throws: `Forecast/SessionError` where no token is open, or layers of it are not observed.
  public func close(
    _ session: LearnerSession, endsRequest: Bool = false, into closed: inout ClosedTokens
  ) throws(SessionError) {
    try session.counting.close()
    for (model, own) in zip(models, session.sessions) { try model.close(own) }
    closed.append(
      TokenRun(
        request: session.request, stage: session.stage, firstToken: session.position, count: 1,
        endsRequest: endsRequest), task: session.isNew ? session.task : "")
    session.counting.appendIDs(to: &closed.ids)
    session.position += 1
    session.isNew = false
  }

  /// Scores and learns tokens that were closed, in this order.
  ///
  /// Tokens that were in flight together are learnt one after another all the same, and each is
  /// forecast anew before it is: learning from forecasts that were made before others were learnt
  /// would lead weights astray.
  ///
  /// - Throws: ``LearnerError``, or what is wrong with the tokens; nothing has been learnt then.
  /// - Complexity: as ``consume(_:learns:workers:)`` for as many tokens.
  public mutating func learn(_ closed: ClosedTokens, workers: Int = 1) throws {
    guard !closed.isEmpty else { return }
    try learn(closed.block(), workers: workers)
  }

  /// Scores and learns tokens that are no chunk of a trace yet: the chunk is told of with
  /// ``pass(chunk:)`` when all of its tokens are learnt.
  ///
  /// - Throws: ``LearnerError``; nothing has been learnt then.
  public mutating func learn(_ block: TokenBlock, workers: Int = 1) throws(LearnerError) {
    try consume(block, learns: true, workers: workers)
    progress.pass(block)
  }

  /// Notes that the tokens learnt last were a chunk of a trace, by which the stream is known again,
  /// and the figures where it is time, as training on that trace does.
  ///
  /// - Parameter checksum: XXH32 of the chunk's payload.
  public mutating func pass(chunk checksum: UInt32) {
    progress.pass(chunk: checksum)
    if progress.isMilestone { recordHistory() }
  }
}
