import Insight
import RoutingTrace

/// What `analyze` reports; the keys are stable, more may follow.
struct AnalysisReport: Encodable {
  var shape: TraceFacts.Shape
  var requests: Int
  var tokens: [Scope: Int]
  var tasks: [String: Int]
  /// Scope, measure: over all layers.
  var figures: [Scope: [Measure: Observations.Summary]] = [:]
  var layers: [Observations.Layer]
  var seconds: Double
  var eventsPerSecond: Double
  /// The shape, for people.
  let model: String

  enum CodingKeys: String, CodingKey {
    case shape, requests, tokens, tasks, figures, layers, seconds
    case eventsPerSecond = "events_per_second"
  }

  init(_ observations: Observations, seconds: Double) {
    let shape = observations.shape
    model = shape.description
    self.shape = TraceFacts.Shape(shape)
    requests = observations.requests
    tokens = observations.tokens
    tasks = observations.tasks
    layers = observations.layers
    self.seconds = seconds
    let events = observations.tokens[.all, default: 0] * shape.layers
    eventsPerSecond = seconds > 0 ? Double(events) / seconds : 0
    for scope in Scope.allCases {
      for measure in Measure.allCases {
        guard let summary = observations.summary(measure, in: scope) else { continue }
        figures[scope, default: [:]][measure] = summary
      }
    }
  }

  /// The tables for people.
  ///
  /// - Parameter perLayer: whether the layers' leading figures follow.
  func text(perLayer: Bool) -> String {
    var parts = ["\(visible(model))\n\(extent); \(grouped(Int(eventsPerSecond))) events/s", table]
    if perLayer { parts.append(layerTable) }
    return parts.joined(separator: "\n\n")
  }

  /// The requests, tokens and tasks, for people.
  var extent: String {
    let stages = [Scope.prefill, .decode].map {
      "\($0.rawValue) \(grouped(tokens[$0, default: 0]))"
    }
    let known = tasks.isEmpty ? "" : ", \(tasks.count) task\(tasks.count == 1 ? "" : "s")"
    return "\(grouped(requests)) requests, \(grouped(tokens[.all, default: 0])) tokens "
      + "(\(stages.joined(separator: ", ")))\(known)"
  }

  /// The figures, an observation a block.
  private var table: String {
    var table = TextTable(
      ["observation", "figure"] + Self.columns, leftColumns: 2)
    for (index, name) in Measure.observations.enumerated() {
      var label = "\(index + 1) \(name)"
      for measure in Measure.allCases where measure.observation == index + 1 {
        guard let cells = cells(measure) else { continue }
        table.add([label, measure.title] + cells)
        label = ""
      }
    }
    return table.text
  }

  /// What ``cells(_:)`` are.
  static let columns = Scope.allCases.map(\.rawValue) + ["least", "layer", "most", "layer"]

  /// A measure for people: its means by scope, and between which layers' values they lie; nil where it was
  /// not measured.
  func cells(_ measure: Measure) -> [String]? {
    guard let all = figures[.all]?[measure] else { return nil }
    return Scope.allCases.map { figures[$0]?[measure].map { measure.text($0.mean) } ?? "" } + [
      measure.text(all.least.value), "\(all.least.layer)", measure.text(all.most.value),
      "\(all.most.layer)",
    ]
  }

  /// The first figure of every observation, layer by layer, of all tokens.
  private var layerTable: String {
    let columns: [(title: String, measure: Measure)] = [
      ("layer to layer", .nextLayerTop), ("token to token", .nextTokenTop),
      ("same expert", .sameExpert), ("prefill to decode", .stagesFrequencyRank),
      ("most used", .mostUsedOverMean), ("top pairs", .pairsTop), ("task's top", .taskTop),
    ].filter { figures[.all]?[$0.measure] != nil }
    var table = TextTable(["model layer"] + columns.map(\.title), leftColumns: 0)
    for layer in layers {
      table.add(
        ["\(layer.layer)"]
          + columns.map { column in
            layer.figures[.all]?[column.measure].map { column.measure.text($0) } ?? "-"
          })
    }
    return table.text
  }
}

extension Measure {
  /// A value for people: shares in per cent.
  func text(_ value: Double) -> String {
    switch unit {
    case .share: decimals(value * 100, 1) + " %"
    case .correlation: decimals(value, 3)
    case .ratio: decimals(value, 2) + " x"
    case .experts: decimals(value, 1)
    }
  }
}
