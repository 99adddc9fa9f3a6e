import Counting
import RoutingTrace

/// One request's way through a ``Mixture``, event by event; its state is the caller's, the mixture
/// is only read.
///
/// ```swift
/// let session = mixture.session()
/// try mixture.open(.decode, in: session)
/// for layer in 0..<mixture.shape.layers {
///   let chances = try mixture.forecast(layer, in: session)   // before the router has chosen
///   try mixture.observe(router(layer), layer: layer, in: session)
/// }
/// try mixture.close(session)
/// ```
///
/// Forecasts are those of the pass over chunks (``Mixture/process(_:learns:workers:score:)``), to
/// the last bit, where the mixture has learnt the same. Used from one thread at a time; sessions
/// with a room of their own may be used at once. Where paths are stored a session holds about 70 kB
/// for 26 layers of 64 experts and 130 kB for 58 of 256, its room 120 and 150 kB.
public final class MixtureSession {
  /// The open token, the one before it, and how much of both is known.
  fileprivate var progress: RequestProgress
  /// Room for the work on one event, its own or shared with others.
  fileprivate let room: Room
  /// What the request has chosen so far: one a MoE layer, each with room for this one request.
  fileprivate var histories: [RequestHistories]
  /// The stored paths like the open token's; nil where no part asks for them.
  fileprivate let candidates: PathCandidates?
  /// What they say of the layers that can be forecast; nil together with ``candidates``.
  fileprivate let votes: PathVotes?
  /// The stored paths that matched the previous token best: candidates for the next.
  fileprivate var trails = PathTrails()
  /// 1 + the bucket of the request's task, or 0 where it has none.
  fileprivate var task: Int32 = 0
  /// Whether the open token is forecast as if it were its request's first.
  fileprivate var isFresh = true

  /// Room for the work on one event, in which sessions may take turns.
  fileprivate final class Room {
    /// Room for the forecast of one event.
    let scratch: EventScratch
    /// Compares tokens with the mixture's stored paths; nil where no part asks for it.
    let search: PathSearch?

    init(_ mixture: Mixture) {
      let layer = mixture.layers[0]
      scratch = EventScratch(
        experts: layer.experts, lanes: layer.lanes, inputs: layer.inputs.count,
        topK: mixture.shape.topK)
      search = mixture.paths.map { PathSearch(following: $0, options: mixture.options) }
    }
  }

  /// The session of a request of which `mixture` has seen no token.
  fileprivate init(_ mixture: Mixture, _ room: Room) {
    let (shape, layer) = (mixture.shape, mixture.layers[0])
    progress = RequestProgress(shape: shape)
    self.room = room
    var history = RequestHistories(lanes: layer.lanes, parts: mixture.options.parts)
    history.reserve(places: 1)
    histories = Array(repeating: history, count: shape.layers)
    candidates = room.search.map { PathCandidates(in: $0) }
    let horizon = mixture.options.horizon
    votes = candidates.map { _ in
      PathVotes(
        layers: horizon == 0 ? shape.layers : min(horizon, shape.layers), tokens: 1,
        lanes: layer.lanes)
    }
    trails.reserve(places: candidates == nil ? 0 : 1)
  }

  /// Tokens closed so far.
  public var tokens: Int { progress.tokens }

  /// Ids of the open token, or the last, `layers * topK`; `RoutingTrace/TokenBlock/emptySlot` where
  /// nothing is known.
  public var ids: [UInt16] {
    var ids: [UInt16] = []
    progress.token.appendAllChosen(to: &ids)
    return ids
  }
}

extension Mixture {
  /// The session of a request of which no token has been seen. It reads the mixture's shape and
  /// options only.
  public func session() -> MixtureSession { MixtureSession(self, MixtureSession.Room(self)) }

  /// The session of a request of which no token has been seen, that takes turns with `other`: it
  /// needs less memory, neither may be used while the other is, and a forecast is valid until
  /// either is used.
  ///
  /// - Precondition: `other` is of a mixture of this shape and these options.
  public func session(sharing other: MixtureSession) -> MixtureSession {
    MixtureSession(self, other.room)
  }

  /// Opens the request's next token.
  ///
  /// - Parameters:
  ///   - stage: prefill or decode.
  ///   - task: the request's task where it is known, which mixtures with `:tasks` look at.
  /// - Throws: ``SessionError/notClosed`` while the token before is open.
  public func open(
    _ stage: Stage, task: String = "", in session: MixtureSession
  ) throws(SessionError) {
    let owner = try session.progress.open(stage, task: task)
    session.task = options.usesTasks ? owner.task : 0
    session.isFresh = options.isFresh(owner)
    if session.isFresh {
      for layer in session.histories.indices { session.histories[layer].forget(0) }
    }
    if session.isFresh, session.candidates != nil { session.trails.counts[0] = 0 }
    guard let paths, let search = session.room.search, let votes = session.votes,
      let candidates = session.candidates
    else { return }
    search.exchange(candidates)
    search.begin()
    search.follow(0, session.trails, paths)
    search.vote(state: 0, token: 0, paths, votes)
    search.exchange(candidates)
  }

  /// The probabilities of the experts of `layer`, given the layers observed so far; their sum is 1.
  ///
  /// - Parameter layer: not observed yet, and at most `options.horizon` layers after the last that
  ///   is; any layer at horizon 0 (the next token).
  /// - Returns: one value an expert, valid until the session is used again.
  /// - Throws: ``SessionError`` where no token is open, or `layer` is not one of those.
  /// - Complexity: O(P E) for P parts, and the rows that they look at: at most `10 K + 2` of the
  ///   linear part, `K` of each part of single rows, `K^2` of each part of pairs.
  public func forecast(
    _ layer: Int, in session: MixtureSession
  ) throws(SessionError) -> UnsafeMutableBufferPointer<Double> {
    let event = try session.progress.event(layer, horizon: options.horizon)
    let context = EventContext(event, horizon: options.horizon, isFresh: session.isFresh)
    layers[layer].forecast(
      context, 0, task: session.task, session.histories[layer], votes: session.votes,
      at: session.votes?.index(layer: layer, token: 0) ?? 0, topK: Float(shape.topK),
      session.room.scratch)
    return session.room.scratch.probabilities
  }

  /// Of what the open token has chosen in its known layers, the share that the candidate most like
  /// it chose there too, 0 to 1: how well what is stored fits what is asked.
  ///
  /// - Returns: nil where no paths are stored, or nothing of the token is known.
  /// - Complexity: O(candidates x layers known).
  public func bestPathMatch(in session: MixtureSession) -> Double? {
    guard let known = session.progress.known, known > 0, let paths, paths.written > 0,
      let search = session.room.search, let candidates = session.candidates
    else { return nil }
    search.exchange(candidates)
    defer { search.exchange(candidates) }
    return search.bestMatch(layers: known, paths)
  }

  /// Notes the experts that the router chose at the next layer; an empty choice is an event without
  /// one, such as a token that the engine skipped.
  ///
  /// - Throws: ``SessionError`` where `layer` is not the next, or the ids are no choice of the
  ///   shape's router.
  public func observe(
    _ chosen: Span<UInt16>, layer: Int, in session: MixtureSession
  ) throws(SessionError) {
    try session.progress.observe(chosen, layer: layer)
    guard let paths, let search = session.room.search, let votes = session.votes,
      let candidates = session.candidates
    else { return }
    search.exchange(candidates)
    search.note(chosen, layer: layer)
    search.advance(layer, paths)
    search.vote(state: layer + 1, token: 0, paths, votes)
    search.exchange(candidates)
  }

  /// Closes the token: from then on it is the previous one, and part of the request's history. The
  /// mixture learns nothing from it.
  ///
  /// - Throws: ``SessionError`` where no token is open, or layers of it are not observed.
  /// - Complexity: O(`layers` x K), and what storing candidates takes where paths are stored.
  public func close(_ session: MixtureSession) throws(SessionError) {
    try session.progress.close()
    for layer in session.histories.indices {
      let chosen = session.progress.token.view(layer).event(0).chosen
      if chosen.count > 0 { session.histories[layer].note(chosen, 0) }
    }
    guard let paths, let search = session.room.search, let candidates = session.candidates
    else { return }
    search.exchange(candidates)
    search.leaveTrail(0, &session.trails, written: paths.written)
    search.exchange(candidates)
  }
}
