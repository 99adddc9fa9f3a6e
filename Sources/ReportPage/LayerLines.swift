import Chart
import Insight

/// Lines over the layers of a model, of measures that ``Insight/Observations`` has.
struct LayerLines {
  let observations: Observations

  /// A line of a plot.
  struct Line {
    let name: String
    let measure: Measure
    var scope = Scope.all
    var color = 0
    var isReference = false
  }

  /// A measure by stage, and beside it what `reference` says of all tokens.
  func byStage(
    _ id: String, _ title: String, _ note: String, _ measure: Measure,
    against reference: (Measure, String)? = nil
  ) -> Figure {
    var lines = Scope.allCases.enumerated().map { index, scope in
      Line(name: scope.rawValue, measure: measure, scope: scope, color: index)
    }
    if let reference {
      lines.append(Line(name: reference.1, measure: reference.0, color: 6, isReference: true))
    }
    return figure(id, title, note, lines)
  }

  /// Several measures of all tokens.
  func figure(_ id: String, _ title: String, _ note: String, _ lines: [Line]) -> Figure {
    let unit = lines.first?.measure.unit ?? .share
    return Figure(
      id, title, note,
      LinePlot(
        title,
        x: Axis("model layer", key: "layer", format: .plain(0), isWhole: true),
        y: Axis(unit.axisTitle, key: "value", format: unit.format, shows: [0]),
        series: lines.map { line in
          LinePlot.Series(
            line.name, color: line.color, line.isReference ? .reference : .line,
            observations.layers.map { layer in
              .init(Double(layer.layer), layer.figures[line.scope]?[line.measure])
            })
        }, followsLayer: true))
  }
}

extension Measure.Unit {
  /// What stands beside an axis of it.
  var axisTitle: String {
    switch self {
    case .share: "share (%)"
    case .correlation: "rank correlation"
    case .coefficient: "coefficient"
    case .ratio: "times the mean"
    case .experts: "experts"
    }
  }

  /// How its values are written.
  var format: ValueFormat {
    switch self {
    case .share: .percent
    case .correlation, .coefficient: .plain(3)
    case .ratio: .times
    case .experts: .plain(1)
    }
  }
}
