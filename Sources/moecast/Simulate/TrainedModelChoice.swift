import ArgumentParser
import Demand

/// The trained model that the forecast mixture comes from: `--model` and `--learn`.
struct TrainedModelChoice: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      Model (*.h5) whose mixtures forecast, at every horizon that it holds (mixture:next, mixture, \
      mixture:h2, ...); default: fresh ones that learn the traces from their beginning.
      """, valueName: "file"))
  var model: String?

  @Flag(help: "With --model: go on learning, token by token in the order of the traces.")
  var learn = false

  /// Refuses what does not go together.
  func check(forecasts: [ForecastSource]) throws {
    try refuse(
      [("--model", model != nil)], unless: forecasts.contains { $0.choice?.usesMixture ?? false },
      "no forecast is made from a mixture; a model's heatmap is named by --heatmap")
    try refuse([("--learn", learn)], unless: model != nil, "it is for --model")
  }

  /// What the mixture is, for tables.
  var label: String {
    guard let model else { return "fresh" }
    return model + (learn ? " learning" : " frozen")
  }
}
