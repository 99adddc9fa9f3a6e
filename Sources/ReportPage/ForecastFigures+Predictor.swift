import Chart
import Forecast
import Prequential
import RoutingTrace

/// What a predictor is made of, and what it takes.
extension ForecastFigures {
  var weights: ReportPart {
    guard let parts = learner.mixtureWeights[name], parts.count > 1 else {
      return ReportPart(
        "Weights of the parts", "", [],
        absence: "\(name) weighs no parts against each other; a mixture does.")
    }
    // Up to a tenth, so that the scale has round ends.
    let most =
      ((parts.flatMap(\.weights).map { abs(Double($0)) }.max() ?? 1) * 10).rounded(.up) / 10
    return ReportPart(
      "Weights of the parts", "",
      [
        Figure(
          "weights-mean", "Weights of the parts of \(name)",
          "What each part's log odds count, the mean of the layers; below 0 it is taken back from others.",
          RowPlot(
            "Weights of parts", value: Axis("weight", key: "weight", format: .plain(3), shows: [0]),
            rowKey: "part", rows: parts.map { .init($0.part, [$0.mean]) })),
        Figure(
          "weights-by-layer", "The same by layer", "",
          ShadeMap(
            "Weights by layer",
            rows: .init("part", count: parts.count, key: "part", names: parts.map(\.part)),
            columns: .init(
              "model layer", count: shape.layers, key: "layer", numbers: shape.modelLayers),
            value: Axis("weight", key: "weight", format: .plain(2)),
            range: -max(most, 1e-9)...max(most, 1e-9), isDiverging: true,
            maps: [.init(cells: parts.map { $0.weights.map(Double.init) })], isSquare: false)),
      ])
  }

  var cost: ReportPart {
    ReportPart(
      "Cost",
      "Memory while it learns. How long a forecast takes depends on the machine, and is not told here: "
        + "the same inputs make the same page.",
      [
        Figure(
          "memory", "Memory by predictor", "Counts, tables and metrics for a model of this shape.",
          RowPlot(
            "Memory by predictor",
            value: Axis("bytes", key: "bytes", format: .prefixed("B"), shows: [0]),
            rowKey: "predictor",
            rows: learner.specs.enumerated().map { index, spec in
              .init(
                spec.name, [Double(Learner.bytes(shape: shape, predictors: [spec]))],
                color: index == best ? 0 : 6)
            }))
      ])
  }
}
