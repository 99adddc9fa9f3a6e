/// Scores events by count-based predictors without writing down all their probabilities, and gives
/// what the probabilities would have given.
///
/// ```swift
/// let scorer = EventScorer(experts: shape.experts, topK: shape.topK)
/// let tally = ScoreTally(experts: shape.experts, predictors: 1)
/// block.withLayer(0) { events in
///   counts.withLearner { learner in
///     scorer.run(events, by: [LayerMarkov()], counts: learner, learns: true, into: tally)
///   }
/// }
/// ```
///
/// Every expert gets an approximate score in single precision, which orders all experts but those
/// that lie nearer to each other than its rounding errors add up to. Those few are decided by their
/// counts, where these are equal, or by the formula of
/// ``CountingPredictor/forecast(_:counts:prior:into:)`` in its order of operations. So ranks are
/// exactly those of ``Ranking``, at a tenth of the time.
///
/// Holds memory for one layer, used from one thread.
public struct EventScorer: ~Copyable {
  /// By how many bits ``ScoringKernels/score(_:by:counts:)`` may miss the mean log2 of the
  /// probabilities. Relative errors of the probabilities are below `(4 K + E) 2^-52`, those of the
  /// reference likewise; the logarithm adds 1e-12.
  static let tolerance = 4e-12

  /// The room for one event, and the loops over it.
  let kernels: ScoringKernels

  /// A scorer for one layer, with room for the work on one event.
  ///
  /// - Parameters:
  ///   - experts: experts of the layer (E).
  ///   - topK: experts an event chooses at most (K).
  public init(experts: Int, topK: Int) { kernels = ScoringKernels(experts: experts, topK: topK) }
}
