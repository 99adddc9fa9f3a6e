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
    var logLossBits: Double?
  }

  var model: String
  var file: String
  var layers: [Int]
  var experts: Int
  var topK: Int
  var learns: Bool
  var predictors: [Predictor]
  var tokensLearnt: UInt64
  var tokensWaiting: Int
  var tokensSaved: UInt64?
  var checkpointAgeSeconds: Double?
  var requests: Int
  var connections: Int

  init(_ service: ForecastService) {
    let live = service.model.live
    let status = ServiceStatus(of: service)
    model = live.shape.model
    file = service.path
    layers = live.shape.modelLayers
    experts = live.shape.experts
    topK = live.shape.topK
    learns = service.learns
    predictors = status.predictors.map { predictor in
      Predictor(
        name: predictor.name, horizon: predictor.horizon, events: predictor.events,
        recall: Dictionary(
          predictor.recall.compactMap { recall in
            recall.value.map { ("\(recall.n)", $0) }
          }, uniquingKeysWith: { first, _ in first }),
        logLossBits: predictor.logLossBits)
    }
    tokensLearnt = status.standing.tokensLearnt
    tokensWaiting = status.standing.tokensWaiting
    tokensSaved = status.saved?.tokens
    checkpointAgeSeconds = status.saved?.seconds
    requests = status.standing.requests
    connections = status.figures.connections
  }
}

/// `GET /v1/history`: a sample a second, the oldest first.
struct HistoryFigures: Encodable {
  var seconds: Double
  var observedPerSecond: Double
  var forecastPerSecond: Double
  var medianMicroseconds: Double?
  var p99Microseconds: Double?
  var requests: Int
  var tokensWaiting: Int
  var recall: Double?

  init(_ sample: ServiceHistory.Sample) {
    seconds = sample.at
    observedPerSecond = sample.observed
    forecastPerSecond = sample.forecast
    medianMicroseconds = sample.median
    p99Microseconds = sample.slow
    requests = sample.requests
    tokensWaiting = sample.waiting
    recall = sample.recall
  }
}
