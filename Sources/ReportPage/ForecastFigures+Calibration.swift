import Chart
import Prequential
import RoutingTrace

/// Whether chances come true as often as they say.
extension ForecastFigures {
  var calibration: ReportPart {
    guard let anatomy else {
      return ReportPart(
        "Calibration", "", [], absence: "A model alone keeps no forecasts; give a trace beside it.")
    }
    func points(_ calibration: Calibration) -> [LinePlot.Point] {
      calibration.bins.filter { $0.count > 0 }.map {
        .init(
          $0.forecast, $0.share, note: "\(ValueFormat.prefixed().text(Double($0.count))) forecasts")
      }
    }
    let (all, best) = (anatomy.calibration, anatomy.calibrationOfBest)
    let error = ValueFormat(scale: 100, places: 2, suffix: " %")
    return ReportPart(
      "Calibration",
      "Whether chances come true as often as they say: expected calibration error "
        + "\(error.text(all.error)) over all experts, \(error.text(best.error)) over the "
        + "\(shape.topK) expected most.",
      [
        Figure(
          "reliability", "Reliability of \(name)",
          "Chances that an expert is among the chosen, by tenths, and how often it was. On the "
            + "diagonal they mean what they say.",
          LinePlot(
            "Reliability diagram",
            x: Axis("chance forecast (%)", key: "forecast", format: .percent, shows: [0, 1]),
            y: Axis("came true (%)", key: "came_true", format: .percent, shows: [0, 1]),
            series: [
              .init("all experts", color: 0, points(all)),
              .init("the \(shape.topK) expected most", color: 1, points(best)),
              .init("as forecast", color: 6, .reference, [.init(0, 0), .init(1, 1)]),
            ])),
        Figure(
          "chances", "Forecasts by chance",
          "How many forecasts of an expert stand in each tenth.",
          LinePlot(
            "Forecasts by chance",
            x: Axis("chance forecast (%)", key: "middle", format: .percent, shows: [0, 1]),
            y: Axis("forecasts", key: "forecasts", format: .prefixed(), isLogarithmic: true),
            series: [
              .init(
                "all experts", color: 0, .columns,
                all.bins.enumerated().map {
                  .init((Double($0) + 0.5) / 10, $1.count > 0 ? Double($1.count) : nil)
                })
            ])),
        Figure(
          "calibration-error", "Expected calibration error",
          "Mean distance of a tenth's mean chance from the share that came true, by forecasts.",
          RowPlot(
            "Expected calibration error",
            value: Axis("error (%)", key: "error", format: error, shows: [0]), rowKey: "experts",
            rows: [
              .init("all experts", [all.error]),
              .init("\(shape.topK) expected most", [best.error], color: 1),
            ])),
      ])
  }
}
