import ArgumentParser
import Demand
import RoutingTrace
import Staging
import Wafer

/// `moecast simulate offload`: experts in host memory, and what is made of a cache of some of them.
struct SimulateOffload: PrintingCommand {
  static let configuration = CommandConfiguration(
    commandName: "offload",
    abstract: "Compares what a GPU makes of experts in host memory: LRU, ProMoE, ours.",
    discussion: """
      Examples:
        moecast simulate offload --capacity 25 --gap model trace.moe.lz4
        moecast simulate offload --policy lru,promoe --seed 1,2,3 trace.moe.lz4
        moecast simulate offload --forecast layer-markov,oracle trace.moe.lz4

      Experts live behind a die, in host memory or slower, and the die keeps some of each layer in its \
      HBM. on-demand brings all of them every time. lru keeps what it has brought and lets the least \
      recently used of the layer leave; both bring an expert when its turn to be computed comes. promoe \
      is ProMoE (arXiv 2410.22134): experts forecast for a layer ahead are brought in chunks while nothing \
      urgent is to bring; the gate drops what is left of them, asks for all that is missing, most \
      chunks first, and experts are computed as they become ready. staged is our staging engine \
      with as much room for copies, by the event engine. Every forecast is given to both.

      load % is the share of the time for which computing waited for experts. accuracy %: forecast \
      experts that were asked for; in time %: those that were there by then; good %: their product, \
      ProMoE's GoodPred. Forecast layer-markov tells a layer from the one --stride layers before it \
      alone, the nearest to ProMoE's own; the others are as for simulate strategies.

      \(systemsHelp)
      """)

  /// What is combined: every system with every batch size, capacity and policy.
  struct Configurations: ParsableArguments {
    @Option(
      help: ArgumentHelp("Systems, with commas.", valueName: "names"),
      completion: .list(Hardware.shippedNames))
    var wafer = "pcie-1"

    @OptionGroup var model: ModelOnSystems

    @Option(help: ArgumentHelp("Batch sizes, with commas.", valueName: "sizes"))
    var batch = "1"

    @Option(
      help: ArgumentHelp(
        "Experts of each layer that the dies keep, with commas, in per cent.",
        valueName: "percents"))
    var capacity = "25"

    @Option(
      help: ArgumentHelp(
        "What is made of it, with commas: \(names(OffloadPolicy.self)).", valueName: "names"))
    var policy = names(OffloadPolicy.self).replacing(" ", with: "")

    @Option(help: "Steps, each of which gives every request of the batch a token.")
    var steps = 64

    @Option(
      help: ArgumentHelp(
        "Steps at the beginning that fill caches but are not counted; default: 16, but at most half.",
        valueName: "steps"))
    var warmSteps: Int?

    func validate() throws {
      _ = try policies()
      _ = try batchSizes(batch)
      _ = try percents()
      _ = try stepCounts()
    }

    func policies() throws -> [OffloadPolicy] {
      try commaSeparated(policy, "--policy", names(OffloadPolicy.self)) {
        OffloadPolicy(rawValue: $0)
      }
    }

    func percents() throws -> [Double] {
      try commaSeparated(capacity, "--capacity", "numbers above 0, at most 100") { word in
        Double(word).flatMap { $0 > 0 && $0 <= 100 ? $0 : nil }
      }
    }

    func stepCounts() throws -> StepCounts {
      try StepCounts(steps, warm: warmSteps ?? min(16, steps / 2))
    }
  }

  /// What is forecast, and by which rules experts are brought.
  struct Bringing: ParsableArguments {
    @Option(
      name: .customLong("forecast"),
      help: ArgumentHelp(
        """
        Forecasts of promoe and staged, with commas: layer-markov, \(ForecastSource.known) of moecast \
        forecast or another predictor, of these very traces; default: layer-markov, persistence, \
        mixture, blend, oracle.
        """, valueName: "names"))
    var forecasts: String?

    @Option(
      help: ArgumentHelp(
        "Layers ahead that promoe and staged bring experts of; default: 1, at most 4.",
        valueName: "layers"))
    var stride: Int?

    @Option(
      help: ArgumentHelp(
        "Experts are brought in equal chunks of at most this.", valueName: "bytes"),
      transform: takingBytes)
    var chunkBytes = 4e6

    @Flag(help: "promoe: ask for a missing expert only when its turn to be computed comes.")
    var askLate = false

    @Flag(help: "promoe: compute experts by their numbers, not as they become ready.")
    var inOrder = false

    @Option(
      help: ArgumentHelp(
        """
        Time between MoE layers, for attention and dense layers, in which experts may come; \
        default: 0.
        """, valueName: "seconds"), transform: takingSeconds)
    var gapSeconds: Double?

    func validate() throws {
      guard (1...MixtureTables.longestHorizon).contains(stride ?? 1) else {
        throw ValidationError("--stride is from 1 to \(MixtureTables.longestHorizon)")
      }
      guard chunkBytes > 0, chunkBytes < .infinity, (0..<Double.infinity).contains(gapSeconds ?? 0)
      else {
        throw ValidationError("--chunk-bytes is above 0, --gap-seconds at least 0, both finite")
      }
      _ = try chosen()
    }

    func chosen() throws -> [OffloadForecast] {
      try commaSeparated(
        forecasts ?? "layer-markov,persistence,mixture,blend,oracle", "--forecast",
        "layer-markov, " + ForecastSource.known
      ) { OffloadForecast($0) }
    }
  }

  @OptionGroup var tokens: TokenOptions

  @OptionGroup(title: "Configurations") var configurations: Configurations

  @OptionGroup(title: "Batches") var filling: BatchingChoice

  @OptionGroup(title: "How experts are brought") var bringing: Bringing

  @OptionGroup(title: "What lies beside the experts") var gap: GapChoice

  @OptionGroup(title: "What is known beforehand") var heatmap: HeatmapChoice

  @OptionGroup(title: "What is known beforehand") var trained: TrainedModelChoice

  @OptionGroup var workers: WorkerOptions

  @OptionGroup var printing: ReportOptions

  func validate() throws {
    let policies = try configurations.policies()
    try refuse(
      [("--forecast", bringing.forecasts != nil), ("--stride", bringing.stride != nil)],
      unless: policies.contains { $0.forecasts }, "it is for the policies promoe and staged")
    try refuse(
      [("--ask-late", bringing.askLate), ("--in-order", bringing.inOrder)],
      unless: policies.contains(.promoe), "it is for the policy promoe")
    try refuse(
      [("--gap-seconds", bringing.gapSeconds != nil)], unless: gap.gap == nil,
      "--gap model says what lies between layers")
    let forecasts = try forecasts()
    let sources = forecasts.compactMap(\.source)
    try heatmap.check(
      isUsed: sources.contains { $0.choice?.usesHeatmap ?? false }, stage: tokens.stage)
    try trained.check(forecasts: sources)
    try filling.check(stage: tokens.stage, forecasts: sources)
    guard filling.prefillChunk == nil || !forecasts.contains(.layerMarkov) else {
      throw ValidationError(
        "--forecast layer-markov follows requests token by token; with --prefill-chunk give"
          + " persistence, heatmap or frequency")
    }
  }

  /// What is forecast by; nothing where nobody does.
  func forecasts() throws -> [OffloadForecast] {
    try configurations.policies().contains { $0.forecasts } ? try bringing.chosen() : []
  }

  func run(printing output: inout StandardOutput) throws {
    let systems = try systems(
      configurations.wafer, overrides: configurations.model.overrides.set,
      strict: configurations.model.overrides.strict)
    let runs = try OffloadRuns(self)
    let interruption = Interruption()
    var rows: [OffloadedRun] = []
    for system in systems {
      for batch in try batchSizes(configurations.batch) {
        for percent in try configurations.percents() {
          for seed in try filling.seeds() where !interruption.isRequested {
            rows += try runs.run(system, batch: batch, percent: percent, seed: seed)
          }
        }
      }
    }
    try printing.print(
      Report(OffloadedRun.columns, rows), to: &output, table: [OffloadedRun.table(rows)])
    try interruption.check(results: rows.count)
  }
}

/// What is made of experts behind the dies.
enum OffloadPolicy: String, CaseIterable {
  case onDemand = "on-demand"
  case leastRecent = "lru"
  case promoe
  case staged

  /// Whether it goes by a forecast.
  var forecasts: Bool { self == .promoe || self == .staged }
}

/// What `--forecast` of `simulate offload` names.
enum OffloadForecast: Hashable {
  case layerMarkov
  case from(ForecastSource)

  init?(_ word: String) {
    if word == LayerMarkovTable.name {
      self = .layerMarkov
    } else if let source = ForecastSource(word) {
      self = .from(source)
    } else {
      return nil
    }
  }

  /// Its name in tables.
  var name: String { source?.name ?? LayerMarkovTable.name }

  /// The forecast that other simulators know too.
  var source: ForecastSource? {
    if case .from(let source) = self { source } else { nil }
  }
}
