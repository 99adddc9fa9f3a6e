import Counting
import RoutingTrace

/// What a predictor with state of its own has learnt, and everything that the rest of moecast does
/// with it: the pass over chunks, sessions of single requests, merging, and storage.
///
/// It is a value: whoever copies it has a snapshot that later learning does not change. ``Mixture``
/// is one; ``EventModel`` makes one of any ``EventPredictor``.
public protocol ForecastModel: Hashable, Sendable {
  /// The state of one request that is followed event by event. The caller owns it; the model only
  /// reads and writes it in the calls below, which must come from one thread at a time.
  associatedtype Session: AnyObject

  /// The shape of the model whose routing is forecast.
  var shape: TraceShape { get }
  /// How many layers ahead it looks; 0 where it needs nothing of the token itself (the next token).
  var horizon: Int { get }

  /// Forecasts every event of `block` in order and, if `learns`, learns it afterwards (test, then
  /// train).
  ///
  /// - Parameters:
  ///   - block: the tokens to forecast, with predecessors and owners found by a
  ///     `Counting/RequestBook`.
  ///   - learns: whether each event is learnt after it was scored; else the knowledge stays as it
  ///     is, and only what is kept of requests under way goes on.
  ///   - workers: threads to use; they change no result.
  ///   - score: called with every event and the probabilities of its layer's experts, in the order
  ///     of the tokens within a layer; with several workers, several layers at a time.
  /// - Precondition: the block is of a compatible shape; what the model keeps of requests is
  ///   indexed by the places of the book that resolved it.
  mutating func process(
    _ block: EventBlock, learns: Bool, workers: Int,
    score: @Sendable (Event, UnsafeMutableBufferPointer<Double>) -> Void)

  /// The session of a request of which no token has been seen.
  func session() -> Session
  /// The session of a request of which no token has been seen, that may take turns with `other` in
  /// the same memory: neither is used while the other is, and a forecast is valid until either is
  /// used. A session of its own unless a model says otherwise.
  func session(sharing other: Session) -> Session
  /// Opens the request's next token.
  ///
  /// - Parameters:
  ///   - stage: prefill or decode.
  ///   - task: the name of the request's task, empty where it is not known.
  /// - Throws: ``SessionError/notClosed`` while the token before is open.
  func open(_ stage: Stage, task: String, in session: Session) throws(SessionError)
  /// The probabilities of the experts of a layer that is not observed yet, given those that are.
  ///
  /// - Parameter layer: the layer's ordinal, at most ``horizon`` after the last that is observed.
  /// - Returns: one value an expert, sum 1; valid until the session is used again.
  /// - Throws: ``SessionError`` where no token is open, or the layer is not one that can be
  ///   forecast now.
  func forecast(
    _ layer: Int, in session: Session
  ) throws(SessionError) -> UnsafeMutableBufferPointer<Double>
  /// Notes which experts the router chose at `layer`, which must be the next that is not observed.
  ///
  /// - Throws: ``SessionError`` where it is not, or where an id is beyond the shape, repeated, or
  ///   one too many.
  func observe(
    _ chosen: Span<UInt16>, layer: Int, in session: Session) throws(SessionError)
  /// Closes the open token; it is the previous one from then on.
  ///
  /// - Throws: ``SessionError`` where no token is open, or layers of it are not observed.
  func close(_ session: Session) throws(SessionError)

  /// The same knowledge before another stream begins: state of requests under way is left out.
  var withoutRequests: Self { get }
  /// Joins another shard's knowledge to this one's. Counts add up exactly, so that of counts alone
  /// the order of shards does not matter; all else may depend on it, and ends as if the shards'
  /// requests had all ended.
  ///
  /// A merge begins with a model that has learnt nothing.
  ///
  /// - Parameters:
  ///   - shard: a model of the same settings and a compatible shape.
  ///   - share: what the shard counts among all; one without tokens changes nothing.
  /// - Complexity: O(size of the tables).
  mutating func join(_ shard: Self, share: ShardShare)
  /// Whether `tokens` more can be learnt without any count passing its bound; a learner asks before
  /// each chunk, since counts are not checked event by event.
  func hasRoom(for tokens: Int) -> Bool
  /// Whether another shard can be joined without any count passing its bound.
  func hasRoom(for other: Self) -> Bool

  /// Passes every column of the state through `coder`, which writes the values or replaces them:
  /// one description in one order serves both.
  ///
  /// A reader begins with a fresh model of the same settings, and asks ``fault(tokens:chosen:)`` at
  /// the end.
  ///
  /// - Parameter places: places of the book of requests that the model learns from.
  /// - Throws: what `coder` throws; a model that was being read is then to be thrown away.
  mutating func code<Coder: StateCoder & ~Copyable>(
    with coder: inout Coder, places: Int
  ) throws(Coder.Failure)
  /// What is wrong with state that was read, in words that follow its place; nil for sound state.
  ///
  /// - Parameters:
  ///   - tokens: tokens of the stream so far.
  ///   - chosen: how often each expert was chosen, one list a MoE layer.
  func fault(tokens: Int, chosen: [[UInt32]]) -> String?
}

extension ForecastModel {
  /// A session of its own.
  public func session(sharing other: Session) -> Session { session() }

  /// Notes which experts the router chose at `layer`, for callers that have them in an array.
  ///
  /// - Throws: ``SessionError`` as `observe` does.
  public func observe(
    _ chosen: [UInt16], layer: Int, in session: Session
  ) throws(SessionError) { try observe(chosen.span, layer: layer, in: session) }
}

/// What a ``ForecastModel`` is made by: its hyperparameters, and how much memory a model of a given
/// shape will take, which is asked before one is made.
public protocol ModelSettings: Hashable, Sendable {
  /// The kind of model that these settings make.
  associatedtype Model: ForecastModel

  /// A model that has learnt nothing.
  func model(shape: TraceShape) -> Model
  /// Bytes of memory that a model takes at most, its work on a block included; requests under way
  /// may add to it.
  func bytes(shape: TraceShape) -> Int
  /// Bytes of the largest of the columns passed by ``ForecastModel/code(with:places:)``: a writer
  /// or reader holds one of them beside the model.
  func largestColumn(shape: TraceShape) -> Int
  /// Bytes of all columns, each value in the type it is coded in. Nothing is allocated, so a reader
  /// may ask before it makes a model.
  ///
  /// - Parameters:
  ///   - tokens: tokens learnt.
  ///   - places: places of the book of requests.
  func codedBytes(shape: TraceShape, tokens: Int, places: Int) -> Int
}
