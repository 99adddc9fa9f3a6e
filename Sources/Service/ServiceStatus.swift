import Forecast
import Live
import Locking
import Prequential

/// How a service stands at one moment: what its metrics, its status page and `GET /v1/model` tell.
public struct ServiceStatus: Sendable {
  /// A predictor, and how right it was over what it has scored.
  public struct Predictor: Sendable {
    /// Its name.
    public var name: String
    /// Layers that it forecasts ahead; 0 where it needs none of the token's.
    public var horizon: Int
    /// Events scored.
    public var events: UInt64
    /// `(n, recall@n)`; nil where nothing was scored.
    public var recall: [(n: Int, value: Double?)]
    /// Bits an expert chosen; nil where nothing was scored.
    public var logLossBits: Double?
  }

  /// What the service has done.
  public var figures: ServiceMetrics.Figures
  /// How its forecaster stands.
  public var standing: LiveForecaster.Standing
  /// Its predictors, the first first.
  public var predictors: [Predictor]
  /// Tokens that the model on the disk has learnt, and its age; nil where it was not written yet.
  public var saved: (tokens: UInt64, seconds: Double)?

  /// How `service` stands now.
  ///
  /// - Complexity: O(P L E), for a part of which nothing is forecast.
  public init(of service: ForecastService) {
    let model = service.model
    let live = model.live
    let now = service.clock()
    figures = service.metrics.now
    standing = live.standing
    saved = model.saved.withLock { saved in
      saved.map { ($0.tokens, Double(now - $0.at) / 1e9) }
    }
    predictors = live.predictors.indices.map { index in
      let score = (try? live.score(of: index)) ?? Score()
      return Predictor(
        name: live.predictors[index], horizon: live.horizons[index], events: score.events,
        recall: model.recallAt.map { ($0, score.recall(at: $0)) },
        logLossBits: score.logLossBits)
    }
  }
}
