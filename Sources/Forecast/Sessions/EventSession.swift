import Counting
import RoutingTrace

/// One request's way past a predictor that looks at events alone; its state is the caller's.
///
/// Used from one thread at a time.
public final class EventSession {
  var progress: RequestProgress
  let prior: UnsafeMutableBufferPointer<Double>
  let probabilities: UnsafeMutableBufferPointer<Double>

  /// The session of a request that begins.
  public init(shape: TraceShape) {
    progress = RequestProgress(shape: shape)
    prior = .allocate(capacity: shape.experts)
    prior.initialize(repeating: 0)
    probabilities = .allocate(capacity: shape.experts)
    probabilities.initialize(repeating: 0)
  }

  deinit {
    prior.deallocate()
    probabilities.deallocate()
  }
}

extension CountingPredictor {
  /// The session of a request that begins.
  public func session(shape: TraceShape) -> EventSession { EventSession(shape: shape) }

  /// The probabilities of the experts of `layer`, the next to be observed; their sum is 1.
  ///
  /// - Parameter counts: of this layer, with the tables of the predictor.
  /// - Returns: one value an expert, valid until the session is used again.
  public func forecast(
    _ layer: Int, from counts: LayerCounts, in session: EventSession
  ) throws(SessionError) -> UnsafeMutableBufferPointer<Double> {
    let event = try session.progress.event(layer, horizon: 1)
    counts.withView { counts in
      counts.prior(into: session.prior)
      forecast(event, counts: counts, prior: session.prior, into: session.probabilities)
    }
    return session.probabilities
  }
}

extension EventSession {
  /// Opens the request's next token.
  public func open(_ stage: Stage) throws(SessionError) { _ = try progress.open(stage, task: "") }

  /// Notes what was chosen at the next layer.
  public func observe(
    _ chosen: some Collection<UInt16>, layer: Int
  ) throws(SessionError) { try progress.observe(chosen, layer: layer) }

  /// Closes the token, all of whose layers were observed.
  public func close() throws(SessionError) { try progress.close() }

  /// Ids of the open token, or the last, `layers * topK`.
  public var ids: [UInt16] { progress.token.allChosen }
}
