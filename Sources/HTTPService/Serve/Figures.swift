import Moecast
import Service

/// `GET /v1/model`: what is served, and how it stands.
struct ModelFigures: Encodable {
  struct Predictor: Encodable {
    var name: String
    var horizon: Int
    var events: UInt64
    /// By n.
    var recall: [String: Double]
    var log_loss_bits: Double?
  }

  var model: String
  var file: String
  var layers: [Int]
  var experts: Int
  var top_k: Int
  var learns: Bool
  var predictors: [Predictor]
  var tokens_learnt: UInt64
  var tokens_waiting: Int
  var tokens_saved: UInt64?
  var checkpoint_age_seconds: Double?
  var requests: Int
  var connections: Int

  init(_ service: ForecastService) {
    let live = service.model.live
    let status = ServiceStatus(of: service)
    model = live.shape.model
    file = service.path
    layers = live.shape.modelLayers
    experts = live.shape.experts
    top_k = live.shape.topK
    learns = service.learns
    predictors = status.predictors.map { predictor in
      Predictor(
        name: predictor.name, horizon: predictor.horizon, events: predictor.events,
        recall: Dictionary(
          predictor.recall.compactMap { recall in
            recall.value.map { ("\(recall.n)", $0) }
          }, uniquingKeysWith: { first, _ in first }),
        log_loss_bits: predictor.logLossBits)
    }
    tokens_learnt = status.standing.tokensLearnt
    tokens_waiting = status.standing.tokensWaiting
    tokens_saved = status.saved?.tokens
    checkpoint_age_seconds = status.saved?.seconds
    requests = status.standing.requests
    connections = status.figures.connections
  }
}

/// `GET /v1/history`: a sample a second, the oldest first.
struct HistoryFigures: Encodable {
  var seconds: Double
  var observed_per_second: Double
  var forecast_per_second: Double
  var median_microseconds: Double?
  var p99_microseconds: Double?
  var requests: Int
  var tokens_waiting: Int
  var recall: Double?

  init(_ sample: ServiceHistory.Sample) {
    seconds = sample.at
    observed_per_second = sample.observed
    forecast_per_second = sample.forecast
    median_microseconds = sample.median
    p99_microseconds = sample.slow
    requests = sample.requests
    tokens_waiting = sample.waiting
    recall = sample.recall
  }
}
