import Counting
import Forecast
import RoutingTrace

/// Runs several predictors over one stream and tells how sure their figures are: recall and log
/// loss with 95 % intervals, by resampling requests.
///
/// ```swift
/// var comparison = try Comparison(shape: stream.shape, predictors: ["layer-markov", "mixture"])
/// while let chunk = try stream.next() { try comparison.consume(chunk, workers: 2) }
/// if let figures = comparison.estimates(
///   of: 1, stages: Stage.allCases, resamples: 1000, seed: 1)
/// {
///   let recall = figures.recall[0]   // at comparison.recallAt[0]
///   print(recall.value, recall.low, recall.high, figures.logLossBits.value)
/// }
/// ```
///
/// Figures are kept by group of requests. The first 4,096 requests are a group each; those after
/// them share these groups, so that memory does not grow with the stream.
public struct Comparison: Sendable {
  /// A figure with the interval in which it lies with 95 % confidence, in the figure's own unit: a
  /// share for recall, bits for log loss.
  public struct Estimate: Hashable, Sendable {
    /// The figure over all requests.
    public var value: Double
    /// The 2.5th percentile over the resamples.
    public var low: Double
    /// The 97.5th percentile over the resamples.
    public var high: Double
  }

  /// The learner inside: the predictors, what they have learnt, and their figures over the whole
  /// stream.
  public private(set) var learner: Learner
  /// The n of recall@n, ascending.
  public var recallAt: [Int] { learner.recallAt }
  /// Which group each request's figures are added to.
  private var groups = RequestGroups()
  /// The figures by group.
  private var sums: GroupSums
  /// Whether chunks are learnt once they are scored.
  public let learns: Bool

  /// A comparison that has seen nothing.
  ///
  /// - Parameters:
  ///   - shape: the shape of the traces to come.
  ///   - specs: the predictors, no two of one name.
  ///   - recallAt: the n of recall@n; 1, K, 2K and 4K unless given.
  public init(shape: TraceShape, predictors specs: [PredictorSpec], recallAt: [Int]? = nil) {
    self.init(
      of: Learner(shape: shape, predictors: specs, recallAt: recallAt), learns: true)
  }

  /// A comparison of predictors that have learnt something, on another stream.
  ///
  /// - Parameters:
  ///   - learner: one that has scored nothing, such as ``Learner/scoringAnew(recallAt:)`` gives.
  ///   - learns: whether it goes on learning.
  public init(of learner: Learner, learns: Bool) {
    self.learner = learner
    self.learns = learns
    sums = GroupSums(predictors: learner.specs.count, recallAt: learner.recallAt)
  }

  /// A comparison that has seen nothing, of predictors by their names in
  /// `Forecast/PredictorCatalog/standard`.
  ///
  /// - Throws: `Forecast/PredictorNameError` where a name is not known, or stands twice.
  public init(
    shape: TraceShape, predictors names: [String], recallAt: [Int]? = nil
  ) throws(PredictorNameError) {
    self.init(
      shape: shape, predictors: try PredictorCatalog.standard.specs(named: names),
      recallAt: recallAt)
  }

  /// What a comparison knows beside its ``learner``, for a file.
  public struct Tallies: Codable, Sendable {
    /// Chunks that were consumed.
    public let chunks: UInt64
    fileprivate let groups: RequestGroups
    fileprivate let sums: GroupSums
  }

  /// What goes into a file beside the ``learner``.
  public var tallies: Tallies {
    Tallies(chunks: learner.progress.chunks, groups: groups, sums: sums)
  }

  /// A comparison that goes on with what another one knew; nil where the two do not belong together.
  ///
  /// - Complexity: O(groups).
  public init?(resuming learner: Learner, _ tallies: Tallies) {
    guard tallies.chunks == learner.progress.chunks,
      tallies.groups.isSound(places: learner.requests.places),
      tallies.sums.isSound(predictors: learner.predictors.count, recallAt: learner.recallAt)
    else { return nil }
    self.learner = learner
    learns = true
    groups = tallies.groups
    sums = tallies.sums
  }

  /// Forecasts every event of a chunk by all predictors, scores the forecasts, and then learns the
  /// chunk.
  ///
  /// - Throws: ``LearnerError``; nothing has been learnt then.
  /// - Complexity: as ``Learner/consume(_:learns:workers:)``.
  public mutating func consume(_ chunk: TraceChunk, workers: Int = 1) throws(LearnerError) {
    try consume(chunk.block, workers: workers)
    learner.progress.pass(chunk)
  }

  /// Forecasts, scores and learns a chunk in which every event was replaced by one of another token
  /// of the same layer and chunk, drawn by `random`: a control in which nothing but the experts'
  /// frequencies is left to learn.
  ///
  /// - Throws: ``LearnerError``; nothing has been learnt then.
  /// - Complexity: as ``consume(_:workers:)``, and O(ids) to shuffle.
  public mutating func consumeShuffled(
    _ chunk: TraceChunk, workers: Int = 1, using random: inout some RandomNumberGenerator
  ) throws(LearnerError) {
    let block = chunk.block
    var ids: [UInt16] = []
    ids.reserveCapacity(block.ids.count)
    for layer in 0..<block.shape.layers {
      for token in (0..<block.tokens).shuffled(using: &random) {
        ids += block.ids[block.slots[layer, token]]
      }
    }
    if let shuffled = try? TokenBlock(
      shape: block.shape, runs: block.runs, labels: block.labels, ids: ids)
    {
      try consume(shuffled, workers: workers)
    }
    learner.progress.pass(chunk)
  }

  /// Notes the figures so far in the learner's history, as ``Learner/recordHistory()``.
  public mutating func recordHistory() { learner.recordHistory() }

  /// Learns a block whose figures are added up by group.
  private mutating func consume(_ block: TokenBlock, workers: Int) throws(LearnerError) {
    // Groups and sums are replaced only once the learner has taken the chunk.
    var scores: GroupScores?
    var groups = groups
    let sums = sums
    try learner.consume(block, learns: learns, workers: workers) { events in
      scores = GroupScores(groups: groups.resolve(events), runs: events.runs, sums: sums)
      return scores
    }
    self.groups = groups
    if let scores { self.sums = scores.total }
  }

  /// Recall at each n of ``recallAt`` and log loss in bits of one predictor, with 95 % intervals by
  /// bootstrap: groups of requests drawn anew with replacement `resamples` times (Efron's
  /// percentile method).
  ///
  /// - Returns: nil where the stages have no events.
  /// - Complexity: time O(resamples x groups), memory O(resamples + groups).
  public func estimates(
    of predictor: Int, stages: some Sequence<Stage>, resamples: Int, seed: UInt64
  ) -> (recall: [Estimate], logLossBits: Estimate)? {
    scores.estimates(of: predictor, stages: stages, resamples: resamples, seed: seed)
  }

  /// What the figures follow from, which those of other shards can be added to.
  ///
  /// - Complexity: O(figures).
  public var scores: ComparedScores {
    ComparedScores(
      scores: StreamScores(learner), groups: sums, requests: UInt64(groups.begun))
  }
}
