import Forecast
import RoutingTrace

/// Several predictors over one stream, their figures kept a request, so that their uncertainty can be
/// told.
public struct Comparison: Sendable {
  /// What one predictor reached in one request and stage.
  public struct Sums: Hashable, Sendable {
    /// Chosen experts.
    public var chosen: UInt64 = 0
    /// Those of them among the n best, one for each n of ``Comparison/recallAt``.
    public var hits: [UInt64]
    /// Events scored.
    public var events: UInt64 = 0
    /// Their log loss in steps of 2^-24 bits.
    public var lossSteps: UInt64 = 0

    init(ns: Int) { hits = [UInt64](repeating: 0, count: ns) }

    mutating func add(_ other: Sums) {
      chosen += other.chosen
      events += other.events
      lossSteps += other.lossSteps
      for index in hits.indices { hits[index] += other.hits[index] }
    }
  }

  /// A figure with the interval in which it lies with 95 % confidence.
  public struct Estimate: Hashable, Sendable {
    /// The figure over all requests.
    public var value: Double
    /// The interval's ends.
    public var low: Double
    public var high: Double
  }

  /// The predictors, and their figures over the whole stream.
  public private(set) var learner: Learner
  /// The n of recall@n.
  public var recallAt: [Int] { learner.recallAt }
  /// `[request][stage][predictor]`, requests in the order in which they began.
  private var requests: [[[Sums]]] = []
  private var places: [UInt64: Int] = [:]
  /// Per stage and predictor: the sums so far of all requests.
  private var before: [[Sums]]

  /// A comparison that has seen nothing; parameters and errors as of ``Learner``.
  public init(
    shape: TraceShape, predictors: [String], recallAt: [Int]? = nil
  ) throws(LearnerError) {
    learner = try Learner(shape: shape, predictors: predictors, recallAt: recallAt)
    let sums = Sums(ns: learner.recallAt.count)
    before = Array(
      repeating: Array(repeating: sums, count: predictors.count), count: Stage.allCases.count)
  }

  /// Forecasts, scores and learns a chunk, run by run.
  public mutating func consume(_ chunk: TraceChunk, workers: Int = 1) throws(LearnerError) {
    try consume(chunk.block, workers: workers)
    learner.progress.pass(chunk)
  }

  /// The same with every event replaced by one of another token of the same layer and chunk, drawn by
  /// `random`: a control in which nothing but the experts' frequencies is left to learn.
  public mutating func consumeShuffled(
    _ chunk: TraceChunk, workers: Int = 1, using random: inout some RandomNumberGenerator
  ) throws(LearnerError) {
    let block = chunk.block
    let topK = block.shape.topK
    var ids: [UInt16] = []
    ids.reserveCapacity(block.ids.count)
    for layer in 0..<block.shape.layers {
      for token in (0..<block.tokens).shuffled(using: &random) {
        let at = (layer * block.tokens + token) * topK
        ids += block.ids[at..<at + topK]
      }
    }
    if let shuffled = try? TokenBlock(
      shape: block.shape, runs: block.runs, labels: block.labels, ids: ids)
    {
      try consume(shuffled, workers: workers)
    }
    learner.progress.pass(chunk)
  }

  private mutating func consume(_ block: TokenBlock, workers: Int) throws(LearnerError) {
    var first = 0
    for run in block.runs {
      try learner.consume(Self.run(run, at: first, of: block), learns: true, workers: workers)
      first += run.count
      note(run)
    }
  }

  /// One run of a block as a block of its own.
  private static func run(_ run: TokenRun, at first: Int, of block: TokenBlock) -> TokenBlock {
    let topK = block.shape.topK
    var ids: [UInt16] = []
    ids.reserveCapacity(run.count * block.shape.idsPerToken)
    for layer in 0..<block.shape.layers {
      let at = (layer * block.tokens + first) * topK
      ids += block.ids[at..<at + run.count * topK]
    }
    let labels = block.labels.filter { $0.request == run.request }
    // A part of a block that was checked passes the same checks.
    return (try? TokenBlock(shape: block.shape, runs: [run], labels: labels, ids: ids)) ?? block
  }

  /// Books what the figures grew by under the run's request.
  private mutating func note(_ run: TokenRun) {
    guard run.count > 0 else { return }
    let place: Int
    if let known = places[run.request] {
      place = known
    } else {
      place = requests.count
      places[run.request] = place
      let sums = Sums(ns: recallAt.count)
      requests.append(
        Array(
          repeating: Array(repeating: sums, count: learner.predictors.count),
          count: Stage.allCases.count))
    }
    let stage = Int(run.stage.rawValue)
    for predictor in learner.predictors.indices {
      let now = sums(predictor, run.stage)
      let past = before[stage][predictor]
      var grown = Sums(ns: recallAt.count)
      grown.chosen = now.chosen - past.chosen
      grown.events = now.events - past.events
      grown.lossSteps = now.lossSteps - past.lossSteps
      for index in grown.hits.indices { grown.hits[index] = now.hits[index] - past.hits[index] }
      requests[place][stage][predictor].add(grown)
      before[stage][predictor] = now
    }
    if run.endsRequest { places[run.request] = nil }
  }

  private func sums(_ predictor: Int, _ stage: Stage) -> Sums {
    let score = learner.score(of: predictor, stages: [stage])
    var sums = Sums(ns: recallAt.count)
    sums.chosen = score.chosen
    sums.events = score.events
    sums.lossSteps = score.lossSteps
    sums.hits = recallAt.map(score.hits(at:))
    return sums
  }

  /// Recall at each n of ``recallAt`` and log loss in bits of one predictor, with 95 % intervals by
  /// bootstrap: requests drawn anew with replacement `resamples` times (Efron's percentile method).
  ///
  /// - Returns: nil where the stages have no events.
  public func estimates(
    of predictor: Int, stages: some Sequence<Stage>, resamples: Int, seed: UInt64
  ) -> (recall: [Estimate], logLossBits: Estimate)? {
    let stages = stages.map { Int($0.rawValue) }
    let own = requests.map { request in
      var sums = Sums(ns: recallAt.count)
      for stage in stages { sums.add(request[stage][predictor]) }
      return sums
    }.filter { $0.events > 0 }
    guard !own.isEmpty else { return nil }
    let bootstrap = Bootstrap(seed: seed, count: own.count, resamples: resamples)
    let recall = recallAt.indices.map { n in
      bootstrap.ratio(own.map { Double($0.hits[n]) }, own.map { Double($0.chosen) })
    }
    let loss = bootstrap.ratio(
      own.map { Double($0.lossSteps) / LossSteps.perBit }, own.map { Double($0.events) })
    return (recall, loss)
  }
}
