import Forecast
import RoutingTrace

/// Learns from a stream of chunks and measures itself on every event before it learns it
/// (prequential evaluation: Dawid 1984).
///
/// A value: everything that decides what comes next is in its properties, so writing them down and
/// reading them back continues to the same bytes. The number of workers does not change any result.
public struct Learner: Hashable, Sendable {
  public let shape: TraceShape
  /// Names of the predictors, in the order of ``LayerLearner/metrics``.
  public let predictors: [String]
  /// The n of recall@n noted in ``history``, ascending.
  public let recallAt: [Int]
  /// One a MoE layer.
  public internal(set) var layers: [LayerLearner]
  /// The mixtures among the predictors, in their order.
  public internal(set) var mixtures: [Mixture]
  /// The requests under way.
  public internal(set) var requests: LiveRequests
  /// How far the stream has been read.
  public internal(set) var progress: StreamProgress
  /// Figures noted along the stream.
  public internal(set) var history: [HistoryRow]

  /// The counting predictors, and where the metrics of each stand.
  private var counting: [(metric: Int, predictor: any Predictor)] {
    predictors.enumerated().compactMap { index, name in
      Predictors.named(name).map { (index, $0) }
    }
  }

  /// A learner that has seen nothing.
  ///
  /// - Parameters:
  ///   - recallAt: the n of recall@n to note along the stream; 1, K, 2K and 4K unless given.
  ///   - liveRequests: requests under way that are remembered.
  /// - Throws: ``LearnerError`` where a predictor is not known, or named twice.
  public init(
    shape: TraceShape, predictors: [String], recallAt: [Int]? = nil, liveRequests: Int = 4096
  ) throws(LearnerError) {
    var tables: CountTables = []
    var mixtures: [Mixture] = []
    for (index, name) in predictors.enumerated() {
      guard !predictors[..<index].contains(name) else { throw .repeatedPredictor(name) }
      if let predictor = Predictors.named(name) {
        tables.formUnion(predictor.tables)
      } else if let options = MixtureOptions(name: name) {
        mixtures.append(Mixture(shape: shape, options: options))
      } else {
        throw .unknownPredictor(name)
      }
    }
    // One made for all layers would be copied by each, and be in memory beside them.
    let layers = (0..<shape.layers).map { _ in
      LayerLearner(
        counts: LayerCounts(experts: shape.experts, tables: tables),
        metrics: predictors.map { _ in LayerMetrics(experts: shape.experts) })
    }
    self.init(
      shape: shape, predictors: predictors,
      recallAt: recallAt ?? Self.defaultRecall(topK: shape.topK),
      layers: layers, mixtures: mixtures,
      requests: LiveRequests(capacity: liveRequests), progress: StreamProgress(), history: [])
  }

  /// A learner with known state, such as one read from a checkpoint.
  ///
  /// - Precondition: one layer a MoE layer of the shape, one metric a predictor, one mixture for
  ///   every predictor that is one.
  public init(
    shape: TraceShape, predictors: [String], recallAt: [Int], layers: [LayerLearner],
    mixtures: [Mixture] = [], requests: LiveRequests,
    progress: StreamProgress, history: [HistoryRow]
  ) {
    precondition(layers.count == shape.layers)
    precondition(layers.allSatisfy { $0.metrics.count == predictors.count })
    precondition(mixtures.count == predictors.count { MixtureOptions(name: $0) != nil })
    self.shape = shape
    self.predictors = predictors
    self.recallAt = Set(recallAt).sorted()
    self.layers = layers
    self.mixtures = mixtures
    self.requests = requests
    self.progress = progress
    self.history = history
  }

  /// Forecasts, scores and, if `learns`, learns a chunk.
  ///
  /// - Parameter workers: threads among which the layers are split.
  /// - Throws: ``LearnerError``; nothing has been learnt then.
  public mutating func consume(
    _ chunk: TraceChunk, learns: Bool = true, workers: Int = 1
  ) throws(LearnerError) {
    try consume(chunk.block, learns: learns, workers: workers)
    progress.pass(chunk)
  }

  /// The same without noting how far the stream has been read.
  ///
  /// - Parameter scores: where to add the figures by group of requests too.
  mutating func consume(
    _ tokens: TokenBlock, learns: Bool, workers: Int, scores: GroupScores? = nil
  ) throws(LearnerError) {
    guard tokens.shape.isCompatible(with: shape) else {
      throw .shape(tokens.shape, expected: shape)
    }
    try requireRoom(for: tokens, learns: learns)
    let block = requests.resolve(tokens)
    let counting = counting
    layers.forEachLayer(workers: workers) { layer, learner in
      block.withLayer(layer) { learner.process($0, by: counting, learns: learns, scores: scores) }
    }
    processMixtures(block, learns: learns, workers: workers, scores: scores)
  }

  private mutating func processMixtures(
    _ block: EventBlock, learns: Bool, workers: Int, scores: GroupScores?
  ) {
    let places = predictors.indices.filter { MixtureOptions(name: predictors[$0]) != nil }
    let none = LayerMetrics(experts: shape.experts)
    var stretches = scores == nil ? [] : Array(repeating: none, count: shape.layers)
    for (index, place) in places.enumerated() {
      layers.withUnsafeMutableBufferPointer { layers in
        stretches.withUnsafeMutableBufferPointer { stretches in
          // Events of a layer come from one thread at a time.
          nonisolated(unsafe) let layers = layers
          nonisolated(unsafe) let stretches = stretches
          mixtures[index].process(block, learns: learns, workers: workers) { event, probabilities in
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

  /// The figures of one predictor over all layers.
  ///
  /// - Parameter predictor: index into ``predictors``.
  public func score(of predictor: Int, stages: some Sequence<Stage>) -> Score {
    let stages = Array(stages)
    var score = Score()
    for layer in layers { score.add(layer.metrics[predictor].score(of: stages)) }
    return score
  }

  /// Where recall is looked at unless told otherwise: 1, K, 2K and 4K.
  public static func defaultRecall(topK: Int) -> [Int] {
    Set([1, topK, 2 * topK, 4 * topK]).sorted()
  }

  /// Notes the figures so far in ``history``, once a chunk at most.
  public mutating func recordHistory() {
    guard history.last?.chunks != progress.chunks else { return }
    let scores = predictors.indices.map { score(of: $0, stages: Stage.allCases) }
    history.append(HistoryRow(progress: progress, scores: scores, recallAt: recallAt))
  }
}

/// Why a chunk could not be learnt.
public enum LearnerError: Error, Hashable, CustomStringConvertible {
  /// No predictor has this name.
  case unknownPredictor(String)
  /// A predictor is named twice.
  case repeatedPredictor(String)
  /// The trace is of another model.
  case shape(TraceShape, expected: TraceShape)
  /// One more chunk could take this sum beyond its bound.
  case full(String)

  public var description: String {
    switch self {
    case .unknownPredictor(let name):
      "unknown predictor '\(name)'; there are "
        + (Predictors.all.map(\.name) + MixtureOptions.names).joined(separator: ", ")
    case .shape(let shape, let expected):
      "the trace has \(shape), the model was trained on \(expected); "
        + "give traces of the same model"
    case .repeatedPredictor(let name): "predictor '\(name)' is named twice; name it once"
    case .full(let sum):
      "this model is full: one more chunk could be too much for \(sum); train the rest as a model "
        + "of its own"
    }
  }
}
