import Insight
import RoutingTrace

/// What `analyze` reports; the keys are stable, more may follow.
struct AnalysisReport: Encodable {
  var shape: TraceFacts.Shape
  var requests: Int
  var tokens: [Scope: Int]
  /// Task: tokens of it.
  var tasks: [String: Int]
  /// Scope, measure: over all layers.
  var figures: [Scope: [Measure: Observations.Summary]] = [:]
  var layers: [Observations.Layer]
  /// What the reading took, and the events it counted a second.
  var seconds: Double
  var eventsPerSecond: Double
  /// The shape, for people.
  let model: String

  enum CodingKeys: String, CodingKey {
    case shape, requests, tokens, tasks, figures, layers, seconds
    case eventsPerSecond = "events_per_second"
  }

  /// A report of what was observed in so many seconds.
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
  func text(perLayer: Bool) -> Sections {
    // Sums of shards are added without counting anything.
    let speed = seconds > 0 ? "; \(grouped(Int(eventsPerSecond))) events/s" : ""
    let head = "\(visible(model))\n\(extent)\(speed)"
    return Sections(perLayer ? [head, table, layerTable] : [head, table])
  }

  /// The requests, tokens and tasks, for people.
  var extent: String {
    let stages = [Scope.prefill, .decode].map {
      "\($0.rawValue) \(grouped(tokens[$0, default: 0]))"
    }
    let known = tasks.isEmpty ? "" : ", \(tasks.count) task\(tasks.count == 1 ? "" : "s")"
    return "\(counted(requests, "request")), \(counted(tokens[.all, default: 0], "token")) "
      + "(\(stages.joined(separator: ", ")))\(known)"
  }

  /// The measures of an observation that could be taken, counted from 1.
  func measures(of observation: Int) -> [Measure] {
    Measure.allCases.filter { $0.observation == observation && figures[.all]?[$0] != nil }
  }

  /// What people see of a measure: its means by scope, and between which layers' values they lie.
  var columns: [Column<Measure>] {
    // Of a trace of one stage all tokens are that stage's.
    let stages = [Scope.prefill, .decode].filter { tokens[$0, default: 0] > 0 }
    let scopes = Scope.allCases.filter { stages.count > 1 || $0 == .all }
    let means = scopes.map { scope in
      column(scope.rawValue) { figures, measure in
        figures[scope]?[measure].map { measure.text($0.mean) }
      }
    }
    return means + [
      column("least") { figures, measure in
        figures[.all]?[measure].map { measure.text($0.least.value) }
      },
      column("layer") { figures, measure in figures[.all]?[measure].map { "\($0.least.layer)" } },
      column("most") { figures, measure in
        figures[.all]?[measure].map { measure.text($0.most.value) }
      },
      column("layer") { figures, measure in figures[.all]?[measure].map { "\($0.most.layer)" } },
    ]
  }

  private func column(
    _ heading: String,
    _ shown: @escaping @Sendable ([Scope: [Measure: Observations.Summary]], Measure) -> String?
  ) -> Column<Measure> {
    let figures = figures
    return Column(nil, heading, shown: { shown(figures, $0) ?? "" })
  }

  /// The figures, an observation a block.
  private var table: Report<Measure> {
    var titles: [Measure: String] = [:]
    for (index, name) in Measure.observations.enumerated() {
      // An observation is named in its first line.
      if let first = measures(of: index + 1).first { titles[first] = "\(index + 1) \(name)" }
    }
    let observations = titles
    let titled: [Column<Measure>] = [
      .text(nil, "observation") { observations[$0] ?? "" }, .text(nil, "figure") { $0.title },
    ]
    let rows = Measure.observations.indices.flatMap { measures(of: $0 + 1) }
    let layers = layers
    let spark = Column<Measure>.spark("by layer") { measure in
      layers.map { $0.figures[.all]?[measure] }
    }
    return Report(titled + columns + [spark], rows)
  }

  /// The first figure of every observation, layer by layer, of all tokens.
  private var layerTable: Report<Observations.Layer> {
    let leading: [(heading: String, measure: Measure)] = [
      ("layer to layer", .nextLayerTop), ("token to token", .nextTokenTop),
      ("same expert", .sameExpert), ("prefill to decode", .stagesFrequencyRank),
      ("most used", .mostUsedOverMean), ("top pairs", .pairsTop), ("task's top", .taskTop),
    ].filter { figures[.all]?[$0.measure] != nil }
    let columns: [Column<Observations.Layer>] =
      [.integer(nil, "model layer") { $0.layer }]
      + leading.map { heading, measure in
        Column(
          nil, heading, shown: { $0.figures[.all]?[measure].map { measure.text($0) } ?? "-" })
      }
    return Report(columns, layers)
  }
}

extension Measure {
  /// A value for people: shares in per cent.
  func text(_ value: Double) -> String {
    switch unit {
    case .share: decimals(value * 100, 1) + " %"
    case .correlation, .coefficient: decimals(value, 3)
    case .ratio: decimals(value, 2) + " x"
    case .experts: decimals(value, 1)
    }
  }
}
