import Chart
import Insight
import RoutingTrace

/// An observation's heatmaps, of the layers that show it most.
extension AnalysisPage {
  /// The observation's heatmaps, each in a figure with a caption; none where nothing was measured.
  func heatmaps(_ observation: Int) -> [String] {
    switch observation {
    case 1:
      heatmap(.layerToLayer, .all, where: farthest(.nextLayerTopOfAll, .nextLayerTopOfAllByChance))
    case 2:
      heatmap(.tokenToToken, .all, where: farthest(.nextTokenTopOfAll, .nextTokenTopOfAllByChance))
    case 3:
      [Scope.prefill, .decode].flatMap {
        heatmap(.layerToLayer, $0, where: farthest(.stagesNextLayerRank, nil))
      }
    case 5: heatmap(.pairs, .all, where: farthest(.pairOverMean, nil))
    default: []
    }
  }

  /// The ordinal of the layer where a measure exceeds another, or 0, by most.
  private func farthest(_ measure: Measure, _ other: Measure?) -> Int? {
    let excess = report.layers.indices.compactMap { layer -> (layer: Int, excess: Double)? in
      let figures = report.layers[layer].figures[.all]
      guard let value = figures?[measure] else { return nil }
      return (layer, value - (other.flatMap { figures?[$0] } ?? 0))
    }
    return excess.max { $0.excess < $1.excess }?.layer
  }

  private func heatmap(
    _ relation: TraceAnalysis.Relation, _ scope: Scope, where layer: Int?
  ) -> [String] {
    guard let layer else { return [] }
    let modelLayer = report.layers[layer].layer
    let experts = Double(analysis.shape.experts)
    let (title, row, most, unit): (String, String, Double, Measure) =
      switch relation {
      case .layerToLayer:
        (
          "Share of choices in layer \(modelLayer) after an expert of the layer before",
          "expert before", min(1, 10 / experts), .nextLayerTop
        )
      case .tokenToToken:
        (
          "Share of choices in layer \(modelLayer) after an expert of the token before",
          "expert before", min(1, 10 / experts), .nextTokenTop
        )
      case .pairs:
        ("Pairs in layer \(modelLayer) over the mean of all pairs", "expert", 10, .pairOverMean)
      }
    let named = scope == .all ? title : "\(title), \(scope.rawValue)"
    let map = Heatmap(
      named, rowAxis: row, columnAxis: "expert",
      cells: analysis.heatmap(relation, layer: layer, in: scope), most: most, text: unit.text)
    return map.svg.map {
      ["<figure>\n\($0)\n<figcaption>\(escaped(named))</figcaption>\n</figure>"]
    }
      ?? []
  }
}
