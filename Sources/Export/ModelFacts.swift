import Counting
import Forecast
import Prequential
import RoutingTrace

/// What a model is, and what it has learnt, as names and texts.
struct ModelFacts {
  /// The name of the digests of the chunks that were learnt.
  static let checksums = "learnt_checksums"

  /// In the order in which they are written.
  let all: [(name: String, value: String)]

  /// Those but the shape and the names, which formats with types have as such.
  var ofLearning: [(name: String, value: String)] {
    all.filter { $0.name.hasPrefix("learnt_") || $0.name.hasPrefix("prior_") }
  }

  init(_ learner: Learner) {
    let shape = learner.shape
    all =
      [
        ("model", shape.model), ("experts", "\(shape.experts)"), ("top_k", "\(shape.topK)"),
        ("model_layers", shape.modelLayers.map(String.init).joined(separator: " ")),
        ("predictors", learner.predictors.joined(separator: " ")),
      ] + CountsView.priors.map { (name: $0.key, value: "\($0.value)") }
      + [
        ("learnt_chunks", "\(learner.total(\.chunks))"),
        ("learnt_tokens", "\(learner.total(\.tokens))"),
        ("learnt_requests", "\(learner.total(\.requests))"),
        (Self.checksums, learner.digests.map(String.init).joined(separator: " ")),
      ]
  }
}

/// Counts of pairs that a model keeps.
struct PairTable {
  /// The predictor that forecasts by them.
  let name: String
  /// Layers between the expert given and the one that follows: 0 where it is of the token before.
  let back: Int
  /// By layer: `[given expert, expert]`.
  let layers: [[UInt32]]

  /// The tables that `learner` keeps of every layer.
  static func kept(of learner: Learner) -> [PairTable] {
    let counts = learner.layers.map(\.counts)
    return [
      ("layer-markov", 1, counts.map(\.layerPairs)), ("token-markov", 0, counts.map(\.tokenPairs)),
    ].compactMap { name, back, layers in
      let kept = layers.compactMap(\.self)
      return kept.count == layers.count ? PairTable(name: name, back: back, layers: kept) : nil
    }
  }
}

/// What a predictor reached in a layer and stage.
struct ModelMetrics {
  let predictor: String
  /// The model's own number.
  let layer: Int
  let stage: Stage
  let score: Score
  /// Share of the choices among the K best ranked.
  let recallAtK: Double
  /// Of a choice, on average.
  let logLossBits: Double

  /// Predictor by predictor, layer by layer, stage by stage, as far as there were events.
  static func all(of learner: Learner) -> [ModelMetrics] {
    learner.predictors.enumerated().flatMap { index, name in
      zip(learner.shape.modelLayers, learner.layers).flatMap { number, own in
        Stage.allCases.compactMap { stage in
          let score = own.metrics[index].score(of: [stage])
          guard let bits = score.logLossBits else { return nil }
          return ModelMetrics(
            predictor: name, layer: number, stage: stage, score: score,
            recallAtK: score.recall(at: learner.shape.topK) ?? 0, logLossBits: bits)
        }
      }
    }
  }
}
