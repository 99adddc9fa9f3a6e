import Counting
import Forecast
import Locking
import Prequential
import RoutingTrace

/// Forecasts for requests that are under way, as beside an engine: many at once, layer by layer,
/// and learning as it goes.
///
/// ```swift
/// let live = try LiveForecaster(learner)
/// try live.begin(7)
/// try live.open([7], stages: [.decode])
/// for layer in 0..<live.shape.layers {
///   let best = try live.forecast(layer, by: 0, of: [7], top: 16)
///   prefetch(best.experts)
///   try live.observe([7], layer: layer, ids: router(layer))
/// }
/// ```
///
/// A call takes one layer of `n` requests: ids are `[n, topK]` values, empty slots last. Calls may
/// come from any thread and are taken one at a time. A token is closed when its last layer is
/// observed; closed tokens are learnt in that order on a thread of their own, and no forecast waits
/// for it: it is of the tokens that were learnt by then. ``flush()`` waits, for those who want the
/// same forecasts every time.
///
/// What is learnt is what training on the recorded trace makes, to the last byte of its checkpoint.
public final class LiveForecaster: Sendable {
  /// How a forecaster works.
  public struct Options: Sendable {
    /// Whether closed tokens are learnt.
    public var learns = true
    /// Requests followed at most; the one that was used longest ago is forgotten for another.
    public var maximumRequests = 4096
    /// The trace to record to, which must not be there yet; nil for none.
    public var recording: String?
    /// Closed tokens that may wait to be learnt; who closes more waits for them.
    public var maximumWaiting = 16_384

    /// What is usual: it learns, and records nothing.
    public init() {}
  }

  /// What calls share; guarded by the lock.
  ///
  /// Unchecked: sessions are no values, but nobody has one outside of the lock.
  struct State: @unchecked Sendable {
    /// The learner that forecasts.
    var learner: Learner
    var sessions: LiveSessions
    /// Closed, and not taken by the learning yet.
    var closed: ClosedTokens
    /// Whether somebody is on the way to take them.
    var isScheduled = false
    /// Has the memory in which all sessions take turns; no request's own.
    let shared: LearnerSession
    /// The number that the next request has in the recorded trace: callers' own may come again.
    var nextRequest: UInt64
    /// The sessions of one call, in its order; those behind are of earlier calls.
    var batch: [LearnerSession] = []
    /// Ranks the experts of a forecast.
    let ranker: ExpertRanker
  }

  /// The shape of the model whose routing is forecast.
  public let shape: TraceShape
  /// The predictors' names.
  public let predictors: [String]
  /// How far ahead of the last observed layer each predictor forecasts; 0 where it needs none of
  /// the token's layers.
  public let horizons: [Int]
  /// Whether closed tokens are learnt.
  public let learns: Bool
  /// What calls share.
  let state: Guarded<State>
  /// Learns and records; nil where neither is wanted.
  private let learning: BackgroundLearning?
  private let maximumWaiting: Int

  /// - Parameter learner: what has been learnt; it may be nothing.
  /// - Throws: `RoutingTrace/TraceError` where the trace to record to cannot be created.
  public init(_ learner: Learner, options: Options = Options()) throws {
    shape = learner.shape
    predictors = learner.predictors
    horizons = learner.specs.indices.map { learner.horizon(of: $0) }
    learns = options.learns
    maximumWaiting = options.maximumWaiting
    learning =
      options.learns || options.recording != nil
      ? try BackgroundLearning(
        learner, learns: options.learns, recording: options.recording) : nil
    let first = max(
      learner.progress.requests, (learner.requests.entries.map(\.request).max() ?? 0) + 1)
    state = Guarded(
      State(
        learner: learner, sessions: LiveSessions(capacity: options.maximumRequests),
        closed: ClosedTokens(shape: learner.shape), shared: learner.session(of: .max),
        nextRequest: first, ranker: ExpertRanker(experts: learner.shape.experts)))
  }

  /// Begins a request under a number of the caller's.
  ///
  /// - Parameters:
  ///   - task: the name of its task, empty where it is not known.
  ///   - position: that of its first token that will be seen.
  /// - Throws: ``LiveError/underWay(_:)``.
  public func begin(
    _ request: UInt64, task: String = "", from position: UInt64 = 0
  ) throws(LiveError) {
    try state.withLock { state throws(LiveError) in
      guard position < UInt64(UInt32.max) else { throw .position(position) }
      guard state.sessions[request] == nil else { throw .underWay(request) }
      let number = state.nextRequest
      state.nextRequest += 1
      _ = state.sessions.use(request) { [learner = state.learner, shared = state.shared] in
        learner.session(of: number, task: task, from: Int(position), sharing: shared)
      }
    }
  }

  /// Ends requests: what is open of them is dropped, what is closed is learnt.
  ///
  /// - Throws: ``LiveError`` where one is not under way; none has ended then.
  public func end(_ requests: Span<UInt64>) throws(LiveError) {
    try state.withLock { state throws(LiveError) in
      try state.gather(requests)
      for index in requests.indices {
        state.sessions.end(requests[index])
        guard learning != nil else { continue }
        let session = state.batch[index]
        state.closed.append(
          TokenRun(
            request: session.request, stage: session.stage, firstToken: session.position, count: 0,
            endsRequest: true), ids: [])
      }
    }
    learnSoon()
  }

  /// Opens the next token of each request.
  ///
  /// - Parameter stages: one a request.
  /// - Throws: ``LiveError``; no token is open then that was not before.
  public func open(
    _ requests: Span<UInt64>, stage: (Int) -> Stage
  ) throws(LiveError) {
    try state.withLock { state throws(LiveError) in
      try state.gather(requests)
      for index in requests.indices {
        let session = state.batch[index]
        guard session.known == nil else {
          throw .session(.notClosed, request: requests[index])
        }
        guard session.isNew || stage(index).rawValue >= session.stage.rawValue else {
          throw .prefillAfterDecode(requests[index])
        }
      }
      for index in requests.indices {
        do throws(SessionError) {
          try state.learner.open(stage(index), in: state.batch[index])
        } catch {
          throw .session(error, request: requests[index])
        }
      }
    }
  }

  /// Notes what the routers chose at `layer`, the next of each request's open token; the last layer
  /// closes the token.
  ///
  /// - Parameters:
  ///   - ids: `[n, topK]`, empty slots last; a row without experts is an event without a route.
  /// - Throws: ``LiveError``; nothing was noted then.
  /// - Precondition: `requests.count * topK` ids.
  public func observe(
    _ requests: Span<UInt64>, layer: Int, ids: Span<UInt16>
  ) throws(LiveError) {
    try state.withLock { state throws(LiveError) in
      try state.observe(requests, layer: layer, ids: ids, keeps: learning != nil)
    }
    if layer == shape.layers - 1 { learnSoon() }
  }

  /// Forecasts `layer` of each request's open token, from what was observed of it.
  ///
  /// - Parameters:
  ///   - predictor: index into ``predictors``.
  ///   - ranked: `[n, top]` out: the likeliest experts, best first, ties to the lower id.
  ///   - chances: `[n, top]` out: their probabilities; nil where they are not wanted.
  /// - Throws: ``LiveError``; nothing was written then.
  /// - Precondition: rooms of `requests.count * top` values.
  public func forecast(
    _ layer: Int, by predictor: Int, of requests: Span<UInt64>, top: Int,
    ranked: UnsafeMutableBufferPointer<UInt16>, chances: UnsafeMutableBufferPointer<Float>?
  ) throws(LiveError) {
    try check(predictor, top: top)
    try state.withLock { state throws(LiveError) in
      try state.gather(requests)
      try state.forecast(
        layer, by: predictor, of: requests, top: top, ranked: ranked, chances: chances)
    }
  }

  /// Observes `layer`, then forecasts the layer that is due next: one call a layer.
  ///
  /// - Returns: false where no layer is due; nothing was written then.
  /// - Throws: ``LiveError``; nothing was noted or written then.
  /// - Precondition: as ``observe(_:layer:ids:)`` and
  ///   ``forecast(_:by:of:top:ranked:chances:)``.
  public func step(
    _ requests: Span<UInt64>, layer: Int, ids: Span<UInt16>, by predictor: Int, top: Int,
    ranked: UnsafeMutableBufferPointer<UInt16>, chances: UnsafeMutableBufferPointer<Float>?
  ) throws(LiveError) -> Bool {
    try check(predictor, top: top)
    let next = layer + max(1, horizons[predictor])
    let isDue = horizons[predictor] > 0 && next < shape.layers
    try state.withLock { state throws(LiveError) in
      try state.observe(requests, layer: layer, ids: ids, keeps: learning != nil)
      guard isDue else { return }
      try state.forecast(
        next, by: predictor, of: requests, top: top, ranked: ranked, chances: chances)
    }
    if layer == shape.layers - 1 { learnSoon() }
    return isDue
  }

  /// Waits until every closed token is learnt and recorded.
  ///
  /// - Throws: what went wrong with it: the trace cannot be written, or the model is full. Nothing
  ///   was learnt or recorded after that.
  public func flush() throws { try learning?.flush() }

  /// Learns what is closed, ends the recorded chunk, and hands the learner out, such as to write it
  /// to a model file. Forecasts go on meanwhile.
  ///
  /// - Throws: as ``flush()``; what `body` throws.
  public func withLearner<Result>(_ body: (Learner) throws -> Result) throws -> Result {
    guard let learning else { return try body(state.withLock { $0.learner }) }
    return try learning.withLearner(publish: { self.publish(&$0) }, body)
  }

  /// Waits for all of it, and ends the recorded trace. Nothing may be observed after it.
  ///
  /// - Throws: as ``flush()``.
  public func finish() throws { try learning?.finish() }

  /// How far a request has come.
  public struct Progress: Hashable, Sendable {
    /// The stage of its open token, or of the last.
    public var stage: Stage
    /// The position of its open token, or of that to come.
    public var position: Int
    /// Layers of the open token that were observed; nil while none is open.
    public var known: Int?
  }

  /// How far a request has come; nil where it is not under way.
  public func progress(of request: UInt64) -> Progress? {
    state.withLock { state in
      state.sessions[request].map {
        Progress(stage: $0.stage, position: $0.position, known: $0.known)
      }
    }
  }

  /// How it stands.
  public struct Standing: Hashable, Sendable {
    /// Tokens that the learner that forecasts has learnt, by earlier streams too.
    public var tokensLearnt: UInt64
    /// Tokens that are closed, and not learnt yet.
    public var tokensWaiting: Int
    /// Requests under way.
    public var requests: Int
  }

  /// How it stands now.
  public var standing: Standing {
    state.withLock {
      Standing(
        tokensLearnt: $0.learner.total(\.tokens), tokensWaiting: $0.closed.count,
        requests: $0.sessions.count)
    }
  }

  /// The figures of one predictor over what was scored: each token before it was learnt.
  ///
  /// - Parameter predictor: index into ``predictors``.
  /// - Throws: ``LiveError/predictor(_:known:)``.
  /// - Complexity: O(L E), while which nothing is forecast.
  public func score(of predictor: Int) throws(LiveError) -> Score {
    try check(predictor, top: 1)
    return state.withLock { $0.learner.score(of: predictor, stages: Stage.allCases) }
  }

  private func check(_ predictor: Int, top: Int) throws(LiveError) {
    guard predictors.indices.contains(predictor) else {
      throw .predictor(predictor, known: predictors)
    }
    guard (1...shape.experts).contains(top) else { throw .top(top, experts: shape.experts) }
  }

  /// Has closed tokens learnt, and waits where too many do.
  private func learnSoon() {
    guard let learning else { return }
    let (isNew, isFull) = state.withLock { state in
      defer { if !state.closed.isEmpty { state.isScheduled = true } }
      return (
        !state.isScheduled && !state.closed.isEmpty, state.closed.count > maximumWaiting
      )
    }
    if isNew {
      learning.schedule({ [self] in takeClosed() }, publish: { [self] in publish(&$0) })
    }
    if isFull { try? learning.flush() }
  }

  /// What is closed by now, in order.
  private func takeClosed() -> ClosedTokens {
    state.withLock { state in
      var closed = ClosedTokens(shape: shape)
      swap(&closed, &state.closed)
      state.isScheduled = false
      return closed
    }
  }

  /// Lets `learner` forecast from here on, and gives back the one that did.
  private func publish(_ learner: inout Learner) {
    state.withLock { swap(&$0.learner, &learner) }
  }
}
