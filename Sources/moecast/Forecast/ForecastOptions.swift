import ArgumentParser
import Prequential
import RoutingTrace

/// Which forecaster of a model is asked, and how much of its forecasts is told.
struct ForecastOptions: ParsableArguments {
  @Option(
    name: [.customLong("predictors"), .customLong("predictor")],
    help: ArgumentHelp(
      "The predictor of the model that forecasts, one; its last unless given.", valueName: "name"))
  var predictor: String?

  @Option(help: "Experts told of a forecast at most; twice top-k a request unless given.")
  var top: Int?

  @Option(help: "Only experts that are at least this probable.")
  var above = 0.0

  @Flag(help: "Learn every token once its last layer is known; the model file stays as it is.")
  var learn = false

  func validate() throws {
    if let top, !(1...32_768).contains(top) { throw ValidationError("--top is from 1 to 32768") }
    guard (0...1).contains(above) else { throw ValidationError("--above is from 0 to 1") }
  }

  /// The ordinal of the predictor.
  ///
  /// - Throws: `ValidationError` where the model has no such predictor.
  func index(in learner: Learner, model: String) throws -> Int {
    guard let predictor else { return learner.predictors.count - 1 }
    guard let index = learner.predictors.firstIndex(of: predictor) else {
      throw ValidationError(
        "--predictors \(predictor) is not in \(model); it has "
          + learner.predictors.joined(separator: ", ")
          + (predictor.contains(",") ? "; name one" : meant(predictor, among: learner.predictors)))
    }
    return index
  }

  /// What is told of a forecast.
  ///
  /// - Parameter requests: those that are forecast together.
  func ranking(_ shape: TraceShape, requests: Int = 1) -> ForecastRanking {
    ForecastRanking(
      top: min(top ?? 2 * shape.topK * requests, shape.experts), above: above)
  }
}
