import ArgumentParser
import Demand
import Export
import Forecast
import Placement
import RoutingTrace
import TraceImport
import Wafer

/// `moecast list`: the names that options take.
struct ListCommand: PrintingCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "Lists the names that options take: predictors, shapes, systems, formats.",
    discussion: """
      Without a word it names everything; with one it says more of each.

      Examples:
        moecast list
        moecast list predictors
        moecast list shapes --json
      """)

  /// What can be listed.
  enum Kind: String, CaseIterable, ExpressibleByArgument {
    case predictors, shapes, systems, strategies, forecasts, placements, imports, exports

    /// Where the names are taken.
    var use: String {
      switch self {
      case .predictors: "train, compare, forecast --predictors"
      case .shapes: "import, simulate, place --shape"
      case .systems: "simulate, place --wafer"
      case .strategies: "simulate --strategy"
      case .forecasts: "simulate --forecast"
      case .placements: "place --algorithm"
      case .imports: "import --format"
      case .exports: "export, forecast, place --to"
      }
    }
  }

  /// A name and what it stands for.
  struct Entry {
    let kind: Kind
    let name: String
    var summary: String?
  }

  @Argument(
    help: ArgumentHelp("What to list: \(names(Kind.self)); default: all names.", valueName: "what"))
  var kind: Kind?

  @Flag(help: "Print a JSON list.")
  var json = false

  func run(printing output: inout StandardOutput) throws {
    switch kind {
    case .shapes: try print(knownShapes, to: &output)
    case .systems: try print(try knownSystems(), to: &output)
    case .some(let kind): try print(Report(Self.columns, try Self.entries(of: kind)), to: &output)
    case nil:
      let all = try Kind.allCases.flatMap(Self.entries)
      if json { return output.text(try moecast.json(Report([Self.kind] + Self.columns, all))) }
      for kind in Kind.allCases {
        output.line("\(kind.rawValue) (\(kind.use))")
        // One format's name may be several commands'.
        var own: [String] = []
        for entry in all where entry.kind == kind && !own.contains(entry.name) {
          own.append(entry.name)
        }
        output.text(filled(own.joined(separator: ", "), width: output.terminal.width ?? 100))
      }
    }
  }

  private func print<Row>(_ report: Report<Row>, to output: inout StandardOutput) throws {
    if json { output.text(try moecast.json(report)) } else { output.show(report) }
  }

  private static let kind = Column<Entry>.text("kind", "kind") { $0.kind.rawValue }
  private static let columns: [Column<Entry>] = [
    .text("name", "name") { $0.name }, .text("summary", "what it is") { $0.summary },
  ]

  /// The names of one kind, with what there is to say of each.
  static func entries(of kind: Kind) throws -> [Entry] {
    switch kind {
    case .predictors:
      PredictorCatalog.standard.names.map {
        Entry(kind: kind, name: $0, summary: predictorSummaries[$0])
      }
    case .shapes: ModelShape.names.map { Entry(kind: kind, name: $0) }
    case .systems:
      try knownSystems().rows.map { Entry(kind: kind, name: $0.name, summary: $0.description) }
    case .strategies:
      Strategy.allCases.map {
        Entry(kind: kind, name: $0.rawValue, summary: strategySummaries[$0.rawValue])
      } + [
        Entry(
          kind: kind, name: SimulateStrategies.staged,
          summary: "the staging engine: what is forecast is brought before it is asked for")
      ]
    case .forecasts:
      ForecastChoice.allCases.map {
        Entry(kind: kind, name: $0.rawValue, summary: forecastSummaries[$0])
      }
    case .placements:
      PlacementRule.allCases.map { Entry(kind: kind, name: $0.rawValue, summary: $0.summary) }
    case .imports:
      ForeignFormat.all.map { Entry(kind: kind, name: $0.name, summary: $0.summary) }
        + CountsFormat.all.map {
          Entry(kind: kind, name: $0.name, summary: $0.summary + " (a load profile)")
        }
    case .exports:
      (Exporters.of(.model) + Exporters.of(.trace)).map {
        Entry(kind: kind, name: $0.name, summary: $0.summary)
      } + ForecastFormats.all.map { Entry(kind: kind, name: $0.name, summary: $0.summary) }
        + PlacementFormats.all.map { Entry(kind: kind, name: $0.name, summary: $0.summary) }
    }
  }

  private static let predictorSummaries = [
    "frequency": "how often each expert of the layer was chosen",
    "layer-markov": "what follows the experts of the layer before, their rows' mean",
    "layer-product": "the same, their rows' product (naive Bayes)",
    "token-markov": "what follows the previous token's experts in the same layer",
    "mixture": "weighs these and many more against each other; forecasts best",
    "mixture-fast": "the mixture without the search for similar paths",
    "mixture-all": "the mixture with every part that there is",
  ]

  private static let strategySummaries = [
    "base": "blocks of requests over the dies, weights read from their homes",
    "ep": "every expert computed where it lies",
    "allo": "the paper's Algorithm 1: dies chosen for the experts of each block",
    "pred": "copies of the experts that the token heatmap expects",
    "allo+pred": "both",
  ]

  private static let forecastSummaries: [ForecastChoice: String] = [
    .none: "nothing is expected", .frequency: "the mean of what a layer asked for so far",
    .persistence: "what a layer asked for in the last step",
    .heatmap: "rows of the token heatmap, as in the paper",
    .mixture: "the mixture, token by token",
    .blend: "what batches made of mixture, persistence and frequency so far",
    .oracle: "knows what will be asked for: a bound",
    .shuffled: "the heatmap's experts in a wrong order: a control",
  ]
}

/// The systems that ship with the program.
private func knownSystems() throws -> Report<Hardware> {
  Report(
    [
      .text("name", "system") { $0.name },
      .integer("dies", "dies") { $0.dies },
      .text("topology", "topology") { $0.topology.rawValue },
      .number("compute_flops_per_second", "TFLOP/s", times: 1e-12, places: 0) { $0.computeFlops },
      .number("hbm_bandwidth_bytes_per_second", "HBM TB/s", times: 1e-12, places: 2) {
        $0.hbmBandwidth
      },
      .number("hbm_capacity_bytes", "HBM GB", times: 1e-9, places: 0) { $0.hbmCapacity },
      .number("link_bandwidth_bytes_per_second", "link GB/s", times: 1e-9, places: 0) {
        $0.linkBandwidth
      },
      .text("description", "what it is") { $0.description },
    ],
    try Hardware.shippedNames.map { try SystemDescription(named: $0).hardware })
}
