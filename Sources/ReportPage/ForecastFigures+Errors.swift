import Chart
import Prequential
import RoutingTrace

/// Where forecasts fail.
extension ForecastFigures {
  var errors: ReportPart {
    guard let anatomy else {
      return ReportPart(
        "Where it fails", "", [],
        absence: "A model alone keeps no forecasts; give a trace beside it.")
    }
    let recall = Axis(
      "recall@\(shape.topK) (%)", key: "recall", format: .percent, shows: [0])
    func note(_ tally: ForecastAnatomy.Tally) -> String {
      "\(ValueFormat.prefixed().text(Double(tally.events))) events"
    }
    let seen = [
      ("seen before", anatomy.seenContexts), ("new", anatomy.newContexts),
    ].filter { $0.1.events > 0 }
    let context =
      anatomy.contextLayers == 1
      ? "the set of experts chosen in the layer before"
      : "the experts chosen in the two layers before"
    return ReportPart(
      "Where it fails", "Recall@\(shape.topK) of \(name), events told apart.",
      [
        Figure(
          "recall-by-position", "By the token's position",
          "Tokens 1, 2, 3 and 4, 5 to 8, and so on.",
          LinePlot(
            "Recall by position",
            x: Axis(
              "token of the request, from", key: "token", format: .plain(0), isLogarithmic: true,
              isWhole: true),
            y: recall,
            series: [
              .init(
                name, color: 0,
                anatomy.byPosition.enumerated().map { bin, tally in
                  // Positions count from 0, which has no logarithm; tokens count from 1.
                  let first = ForecastAnatomy.positions(ofBin: bin).lowerBound + 1
                  return .init(Double(first), tally.recall, note: note(tally))
                })
            ])),
        Figure(
          "recall-by-match", "By how well the best stored path matches",
          "Of the token's choices so far, the share that the stored token most like it made too.",
          LinePlot(
            "Recall by the best path's match",
            x: Axis(
              "match (%), the last column all of it", key: "middle", format: .percent,
              shows: [0]),
            y: recall,
            series: [
              .init(
                name, color: 0, .columns,
                anatomy.byMatch.enumerated().map {
                  .init((Double($0) + 0.5) / 10, $1.recall, note: note($1))
                })
            ])),
        Figure(
          "recall-by-context", "In contexts seen before and new ones",
          "A context is \(context): "
            + seen.map { "\(note($0.1)) \($0.0)" }.joined(separator: ", ") + ".",
          RowPlot(
            "Recall by context", value: recall, rowKey: "context",
            rows: seen.enumerated().map { place, one in
              .init(one.0, [one.1.recall], color: place)
            })),
      ])
  }
}
