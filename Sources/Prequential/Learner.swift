import Counting
import Forecast
import RoutingTrace

/// Learns from a stream of chunks and measures itself on every event before it learns it
/// (prequential evaluation: Dawid 1984).
///
/// ```swift
/// var stream = try TraceStream(["traces/"])
/// var learner = try Learner(shape: stream.shape, predictors: ["layer-markov", "mixture-fast"])
/// while let chunk = try stream.next() { try learner.consume(chunk, workers: 2) }
/// for (index, name) in learner.predictors.enumerated() {
///   let score = learner.score(of: index, stages: Stage.allCases)
///   print(name, score.recall(at: 8) ?? 0, score.logLossBits ?? 0)
/// }
/// ```
///
/// A value: everything that decides what comes next is in its properties, so writing them down and
/// reading them back continues to the same bytes (`ModelFile/Checkpoint`). The number of workers
/// does not change any result.
public struct Learner: Hashable, Sendable {
  /// The shape of the traces that it learns from.
  public let shape: TraceShape
  /// The predictors, in the order of ``LayerLearner/metrics``.
  public let specs: [PredictorSpec]
  /// The n of recall@n that ``history`` notes, ascending.
  public let recallAt: [Int]
  /// The counts and metrics of every MoE layer, in their order.
  public internal(set) var layers: [LayerLearner]
  /// What the predictors with state of their own have learnt, in the order in which ``specs`` has
  /// them.
  public internal(set) var models: [LearntModel]
  /// The requests under way: places and last tokens, by which a request goes on in a later chunk.
  public internal(set) var requests: RequestBook
  /// How far the stream has been read, and the digests of its chunks.
  public internal(set) var progress: StreamProgress
  /// What was learnt before the stream began, the oldest first; ``progress``, metrics and
  /// ``history`` are of the stream alone.
  public let past: [Generation]
  /// Figures of all predictors noted along the stream by ``recordHistory()``.
  public internal(set) var history: [HistoryRow]

  /// A predictor: where its model is among ``models``; nil for a formula over counts.
  let modelOf: [Int?]

  /// The counting predictors, and where the metrics of each stand.
  private var counting: [(metric: Int, predictor: any CountingPredictor)] {
    specs.enumerated().compactMap { index, spec in spec.predictor.map { (index, $0) } }
  }

  /// Names of the predictors, in their order.
  public var predictors: [String] { specs.names }

  /// The mixtures among the predictors, in their order.
  public var mixtures: [Mixture] { models.compactMap(\.mixture) }

  /// A learner that has seen nothing. Its tables are made at once, as large as
  /// ``bytes(shape:predictors:for:)`` says.
  ///
  /// - Parameters:
  ///   - shape: the shape of the traces to come.
  ///   - specs: as `Forecast/PredictorCatalog` gives them by name; no two of one name.
  ///   - recallAt: the n of recall@n to note along the stream; 1, K, 2K and 4K unless given.
  ///   - liveRequests: requests under way that are remembered.
  public init(
    shape: TraceShape, predictors specs: [PredictorSpec], recallAt: [Int]? = nil,
    liveRequests: Int = RequestBook.standardCapacity
  ) {
    let tables = specs.tables
    // Every layer is made by itself: an empty layer made once would be copied by each at its first
    // write, and stay in memory beside them.
    let layers = (0..<shape.layers).map { _ in
      LayerLearner(
        counts: LayerCounts(experts: shape.experts, tables: tables),
        metrics: specs.map { _ in LayerMetrics(experts: shape.experts) })
    }
    self.init(
      shape: shape, specs: specs, recallAt: recallAt ?? Self.defaultRecall(topK: shape.topK),
      layers: layers, models: specs.settings.map { LearntModel($0, shape: shape) },
      requests: RequestBook(capacity: liveRequests), progress: StreamProgress(), history: [])
  }

  /// A learner that has seen nothing, its predictors by their names.
  ///
  /// - Parameters:
  ///   - shape: the shape of the traces to come.
  ///   - names: names of predictors that `catalog` knows, such as `mixture:h2`.
  ///   - recallAt: the n of recall@n to note along the stream; 1, K, 2K and 4K unless given.
  ///   - liveRequests: requests under way that are remembered.
  ///   - catalog: the predictors that are known.
  /// - Throws: `Forecast/PredictorNameError` where a name is not known, or stands twice.
  public init(
    shape: TraceShape, predictors names: [String], recallAt: [Int]? = nil,
    liveRequests: Int = RequestBook.standardCapacity, catalog: PredictorCatalog = .standard
  ) throws(PredictorNameError) {
    self.init(
      shape: shape, predictors: try catalog.specs(named: names), recallAt: recallAt,
      liveRequests: liveRequests)
  }

  /// A learner with known state, such as one read from a checkpoint.
  ///
  /// - Precondition: one layer a MoE layer of the shape, one metric a predictor, one model for
  ///   every predictor with state of its own.
  public init(
    shape: TraceShape, specs: [PredictorSpec], recallAt: [Int], layers: [LayerLearner],
    models: [LearntModel] = [], requests: RequestBook, progress: StreamProgress,
    history: [HistoryRow], past: [Generation] = []
  ) {
    precondition(layers.count == shape.layers)
    precondition(layers.allSatisfy { $0.metrics.count == specs.count })
    precondition(models.count == specs.settings.count)
    self.shape = shape
    self.specs = specs
    self.recallAt = Set(recallAt).sorted()
    self.layers = layers
    self.models = models
    self.requests = requests
    self.progress = progress
    self.history = history
    self.past = past
    var models = 0
    modelOf = specs.map { spec in
      guard spec.settings != nil else { return nil }
      defer { models += 1 }
      return models
    }
  }

  /// Forecasts every event of a chunk by every predictor, scores the forecasts, and, if `learns`,
  /// learns the chunk; ``progress`` goes on either way.
  ///
  /// - Parameters:
  ///   - chunk: the next chunk of the stream.
  ///   - learns: false to measure what was learnt before on another stream.
  ///   - workers: threads among which the layers are split.
  /// - Throws: ``LearnerError``; nothing has been learnt then.
  /// - Complexity: O(T L K E) for T tokens, L layers and each counting predictor; a mixture takes
  ///   what `Forecast/Mixture/process(_:learns:workers:score:)` says.
  public mutating func consume(
    _ chunk: TraceChunk, learns: Bool = true, workers: Int = 1
  ) throws(LearnerError) {
    try consume(chunk.block, learns: learns, workers: workers)
    progress.pass(chunk)
  }

  /// Forecasts, scores and learns a block without noting how far the stream has been read, for
  /// tokens that are no chunk of it.
  ///
  /// - Parameter scores: where to add the figures by group of requests too; called with the block
  ///   once it is known to fit.
  mutating func consume(
    _ tokens: TokenBlock, learns: Bool, workers: Int,
    scores scoresOf: (EventBlock) -> GroupScores? = { _ in nil }
  ) throws(LearnerError) {
    guard tokens.shape.isCompatible(with: shape) else {
      throw .shape(tokens.shape, expected: shape)
    }
    try requireRoom(for: tokens, learns: learns)
    let block = requests.resolve(tokens)
    let scores = scoresOf(block)
    let counting = counting
    layers.forEachLayer(workers: workers) { layer, learner in
      block.withLayer(layer) { learner.process($0, by: counting, learns: learns, scores: scores) }
    }
    processModels(block, learns: learns, workers: workers, scores: scores)
  }

  /// Has every predictor with state of its own forecast, and learn, the block.
  private mutating func processModels(
    _ block: EventBlock, learns: Bool, workers: Int, scores: GroupScores?
  ) {
    let places = specs.indices.filter { specs[$0].settings != nil }
    let none = LayerMetrics(experts: shape.experts)
    var stretches = scores == nil ? [] : Array(repeating: none, count: shape.layers)
    for (index, place) in places.enumerated() {
      layers.withUnsafeMutableBufferPointer { layers in
        stretches.withUnsafeMutableBufferPointer { stretches in
          // Events of a layer come from one thread at a time.
          nonisolated(unsafe) let layers = layers
          nonisolated(unsafe) let stretches = stretches
          models[index].process(block, learns: learns, workers: workers) { event, probabilities in
            guard let scores else {
              layers[event.layer].metrics[place].score(probabilities, event)
              return
            }
            stretches[event.layer].score(probabilities, event)
            guard scores.ends(with: event.token) else { return }
            layers[event.layer].metrics[place].add(stretches[event.layer])
            scores.add(stretches[event.layer], endingWith: event.token, predictor: place)
            stretches[event.layer].clear()
          }
        }
      }
    }
  }

  /// The figures of one predictor over all layers, since the beginning of the stream.
  ///
  /// - Parameters:
  ///   - predictor: index into ``predictors``.
  ///   - stages: whose events count.
  /// - Complexity: O(L E) for L layers.
  public func score(of predictor: Int, stages: some Sequence<Stage>) -> Score {
    let stages = Array(stages)
    var score = Score()
    for layer in layers { score.add(layer.metrics[predictor].score(of: stages)) }
    return score
  }

  /// The n of recall@n unless told otherwise: 1, K, 2K and 4K.
  public static func defaultRecall(topK: Int) -> [Int] {
    Set([1, topK, 2 * topK, 4 * topK]).sorted()
  }

  /// Notes the figures so far in ``history``; once a chunk at most, so a second call changes
  /// nothing.
  ///
  /// - Complexity: O(P L E) for P predictors and L layers.
  public mutating func recordHistory() {
    guard history.last?.chunks != progress.chunks else { return }
    let scores = specs.indices.map { score(of: $0, stages: Stage.allCases) }
    history.append(HistoryRow(progress: progress, scores: scores, recallAt: recallAt))
  }
}

/// Why a chunk could not be learnt; the learner stays as it was.
public enum LearnerError: Error, Hashable, CustomStringConvertible {
  /// The chunk is of another model's trace: layers, experts or top-k differ.
  case shape(TraceShape, expected: TraceShape)
  /// One more chunk could take this sum beyond what it can hold.
  case full(String)

  /// One sentence for people.
  public var description: String {
    switch self {
    case .shape(let shape, let expected):
      "the trace has \(shape), the model was trained on \(expected); "
        + "give traces of the same model"
    case .full(let sum):
      "this model is full: one more chunk could be too much for \(sum); train the rest as a model "
        + "of its own"
    }
  }
}
