import Counting
import RoutingTrace

/// One request that is followed event by event, for predictors that look at the event alone:
/// formulas over counts (``CountingPredictor``) and the models of ``EventPredictor``.
///
/// ```swift
/// let predictor = LayerMarkov()
/// let session = predictor.session(shape: shape)
/// try session.open(.decode)
/// for layer in 0..<shape.layers {
///   let chances = try predictor.forecast(layer, from: counts[layer], in: session)
///   print(layer, chances.max() ?? 0)
///   try session.observe(router(layer), layer: layer)
/// }
/// try session.close()
/// ```
///
/// The session knows the request's open token and the one before, and has room for one forecast;
/// the caller owns it. It is used from one thread at a time.
public final class EventSession {
  /// The open token, the one before it, and how much of both is known.
  var progress: RequestProgress
  /// MoE layers of the open token that were observed; nil while none is open.
  public var known: Int? { progress.known }
  /// Room for `P0` of one forecast; `experts` values.
  let prior: UnsafeMutableBufferPointer<Double>
  /// Room for the forecast that is handed out; `experts` values.
  let probabilities: UnsafeMutableBufferPointer<Double>

  /// The session of a request of which no token has been seen.
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
  /// The session of a request of which no token has been seen. The predictor keeps nothing of it.
  public func session(shape: TraceShape) -> EventSession { EventSession(shape: shape) }

  /// The probabilities of the experts of `layer`; their sum is 1.
  ///
  /// - Parameters:
  ///   - layer: the layer's ordinal; the next to be observed.
  ///   - counts: those of this layer, with the ``CountingPredictor/tables`` of the predictor.
  /// - Returns: one value an expert, valid until the session is used again.
  /// - Throws: ``SessionError`` where no token is open, or `layer` is not the next.
  /// - Complexity: O(E), and that of the formula.
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
  ///
  /// - Throws: ``SessionError/notClosed`` while the token before is open.
  public func open(_ stage: Stage) throws(SessionError) { _ = try progress.open(stage, task: "") }

  /// Notes the experts that the router chose at the next layer.
  ///
  /// - Throws: ``SessionError`` where `layer` is not the next, or the ids are no choice of the
  ///   shape's router.
  public func observe(
    _ chosen: Span<UInt16>, layer: Int
  ) throws(SessionError) { try progress.observe(chosen, layer: layer) }

  /// Notes the experts that the router chose at the next layer, as
  /// ``observe(_:layer:)-(Span<UInt16>,_)``.
  public func observe(
    _ chosen: [UInt16], layer: Int
  ) throws(SessionError) { try progress.observe(chosen.span, layer: layer) }

  /// Throws what observing would, and notes nothing.
  ///
  /// - Throws: ``SessionError``.
  public func check(
    _ chosen: Span<UInt16>, layer: Int
  ) throws(SessionError) { try progress.check(chosen, layer: layer) }

  /// Closes the token; it is the previous one from then on.
  ///
  /// - Throws: ``SessionError`` where no token is open, or layers of it are not observed.
  public func close() throws(SessionError) { try progress.close() }

  /// The expert ids of the open token, or of the last where none is open: `[layer, slot]`,
  /// `layers * topK` values, `RoutingTrace/TokenBlock/emptySlot` where nothing is known.
  public var ids: [UInt16] {
    var ids: [UInt16] = []
    appendIDs(to: &ids)
    return ids
  }

  /// Appends ``ids`` to a list.
  public func appendIDs(to list: inout [UInt16]) { progress.token.appendAllChosen(to: &list) }

  /// Throws where a predictor that looks so far ahead could not forecast `layer` now.
  ///
  /// - Parameter horizon: layers ahead; 0 for one that needs none of the token's layers.
  /// - Throws: ``SessionError``.
  public func check(forecasting layer: Int, horizon: Int) throws(SessionError) {
    _ = try progress.event(layer, horizon: horizon)
  }
}
