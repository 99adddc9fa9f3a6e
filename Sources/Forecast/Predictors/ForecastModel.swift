import Counting
import RoutingTrace

/// What a predictor that keeps state of its own has learnt, and all that is ever done with it.
///
/// A value: whoever copies it has a snapshot. ``Mixture`` is one; ``EventModel`` makes one of a predictor
/// that counts events in tables of its own.
public protocol ForecastModel: Hashable, Sendable {
  /// The state of one request that is followed event by event: the caller's.
  associatedtype Session: AnyObject

  var shape: TraceShape { get }
  /// How many layers ahead it looks; 0 where it needs nothing of the token itself (the next token).
  var horizon: Int { get }

  /// Forecasts every event of `block` in order and, if `learns`, learns it.
  ///
  /// - Parameters:
  ///   - workers: threads to use; they change no result.
  ///   - score: called with every event and the probabilities of its layer's experts, in the order of
  ///     the tokens within a layer; with several workers, several layers at a time.
  /// - Precondition: the block is of a compatible shape; what the model keeps of requests is indexed by
  ///   the places of the book that resolved it.
  mutating func process(
    _ block: EventBlock, learns: Bool, workers: Int,
    score: @Sendable (Event, UnsafeMutableBufferPointer<Double>) -> Void)

  /// The session of a request that begins.
  func session() -> Session
  /// Opens the request's next token.
  func open(_ stage: Stage, task: String, in session: Session) throws(SessionError)
  /// The probabilities of the experts of a layer that is not observed yet, given those that are; valid
  /// until the session is used again.
  func forecast(
    _ layer: Int, in session: Session
  ) throws(SessionError) -> UnsafeMutableBufferPointer<Double>
  /// Notes what was chosen at the next layer.
  func observe(
    _ chosen: some Collection<UInt16>, layer: Int, in session: Session) throws(SessionError)
  /// Closes the token, all of whose layers were observed.
  func close(_ session: Session) throws(SessionError)

  /// The same knowledge before another stream: no request is under way.
  var withoutRequests: Self { get }
  /// What of it is a sum over tokens, so that the parts of shards add up; the rest as if nothing had been
  /// learnt.
  var mergeablePart: Self { get }
  /// Adds another shard's ``mergeablePart`` to this one.
  mutating func add(_ other: Self)
  /// Whether so many tokens more can be learnt without a number that grows too large.
  func hasRoom(for tokens: Int) -> Bool
  /// The same of another shard's ``mergeablePart``.
  func hasRoom(for other: Self) -> Bool

  /// Passes every column of the state through `coder`, in one order for writing and reading.
  ///
  /// A reader begins with a fresh model, and asks ``fault(tokens:chosen:)`` at the end.
  ///
  /// - Parameter places: places of the book of requests that the model learns from.
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

/// What a ``ForecastModel`` is made by: hyperparameters, and what it will take.
public protocol ModelSettings: Hashable, Sendable {
  associatedtype Model: ForecastModel

  /// A model that has learnt nothing.
  func model(shape: TraceShape) -> Model
  /// Bytes that a model takes, and its work on a block.
  func bytes(shape: TraceShape) -> Int
  /// Bytes of the largest of the columns by which it is written and read.
  func largestColumn(shape: TraceShape) -> Int
  /// Bytes of all columns, each value in the type it is coded in. Nothing is allocated, so a reader may
  /// ask before it makes a model.
  ///
  /// - Parameters:
  ///   - tokens: tokens learnt.
  ///   - places: places of the book of requests.
  func codedBytes(shape: TraceShape, tokens: Int, places: Int) -> Int
}
