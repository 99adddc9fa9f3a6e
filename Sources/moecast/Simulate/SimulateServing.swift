import ArgumentParser
import Demand
import Placement
import RoutingTrace
import Serving
import Staging
import Wafer

/// `moecast simulate serving`: what requests that arrive one by one see of a system.
struct SimulateServing: PrintingCommand {
  static let configuration = CommandConfiguration(
    commandName: "serving",
    abstract: "Serves requests as they arrive: time to first token, time per token.",
    discussion: """
      Example:
        moecast simulate serving --wafer nvlink-8 --weights fp8 --rate 20,40 \\
          --requests 200 --strategy ep,allo trace.moe.lz4
        moecast simulate serving --wafer pcie-1 --arrivals times.txt \\
          --strategy staged --forecast none,persistence trace.moe.lz4

      Requests of the traces, prompts and decoded tokens, arrive as a Poisson process or at the \
      times of a file, wait for one of the slots, and are batched continuously: a step takes one \
      token of every request that decodes and fills its room with pieces of prompts. Only MoE layers \
      and the time between them count. Forecasts are made from the batches alone.

      A file of arrivals has a number of seconds a line, or is a CSV with a column arrived_at of \
      seconds, or TIMESTAMP of dates, as Azure's public traces have.

      \(systemsHelp)
      """)

  /// What is combined.
  struct Configurations: ParsableArguments {
    @Option(help: ArgumentHelp("Systems, with commas.", valueName: "names"))
    var wafer = "nvlink-8"

    @OptionGroup var model: ModelOnSystems

    @Option(
      help: ArgumentHelp(
        "Strategies with commas: base, ep, allo, staged (the staging engine).", valueName: "names"))
    var strategy = "ep,allo"

    @Option(
      name: .customLong("forecast"),
      help: ArgumentHelp(
        "Forecasts of the strategy staged, with commas: none, persistence, frequency; default: none, persistence.",
        valueName: "names"))
    var forecasts: String?
  }

  /// When requests arrive, and what is under way at once.
  struct Load: ParsableArguments {
    @OptionGroup var choice: ArrivalChoice

    @Option(help: "Requests under way at once.")
    var slots = 64

    @Option(
      help: ArgumentHelp("Tokens of a step, prompts' pieces among them.", valueName: "tokens"))
    var stepTokens = 512

    @Option(help: ArgumentHelp("Of arrivals and of the queue of requests.", valueName: "number"))
    var seed: UInt64 = 1

    func validate() throws {
      guard (1...1 << 16).contains(slots), (1...1 << 20).contains(stepTokens) else {
        throw ValidationError("--slots is from 1 to 65,536, --step-tokens from 1 to 1,048,576")
      }
    }
  }

  @Argument(
    help: ArgumentHelp("Traces (*.moe.lz4), folders of them, or -.", valueName: "trace"),
    completion: .file())
  var traces: [String]

  @OptionGroup(title: "Configurations") var configurations: Configurations

  @OptionGroup(title: "Arrivals and batches") var load: Load

  @OptionGroup(title: "Open choices of the paper") var choices: SimulationChoices

  @OptionGroup(title: "What lies beside the experts") var gap: GapChoice

  @OptionGroup(title: "Engine") var engine: EngineChoice

  @OptionGroup(title: "Staging engine (strategy staged)") var staging: StagingChoices

  @OptionGroup var printing: ReportOptions

  private static let served = Strategy.allCases.filter { !$0.predicts }

  func validate() throws {
    let isStaged = try strategies().contains(SimulateStrategies.staged)
    try refuse(
      [("--forecast", configurations.forecasts != nil)] + staging.given, unless: isStaged,
      "it is for the strategy staged")
    try refuse(
      [("--gap-seconds", staging.gapSeconds != nil)], unless: gap.gap == nil,
      "--gap model says what lies between layers")
    _ = try forecasts()
  }

  private func strategies() throws -> [String] {
    let known = Self.served.map(\.rawValue) + [SimulateStrategies.staged]
    return try commaSeparated(
      configurations.strategy, "--strategy", known.joined(separator: ", ")
    ) { name in known.first { $0 == name } }
  }

  private func forecasts() throws -> [ForecastChoice] {
    let known: [ForecastChoice] = [.none, .persistence, .frequency]
    return try commaSeparated(
      configurations.forecasts ?? "none,persistence", "--forecast",
      known.map(\.rawValue).joined(separator: ", ")
    ) { name in known.first { $0.rawValue == name } }
  }

  func run(printing output: inout StandardOutput) throws {
    let systems = try systems(
      configurations.wafer, overrides: choices.overrides(configurations.model.overrides.set),
      strict: configurations.model.overrides.strict)
    let loads = try load.choice.all(seed: load.seed)
    let pool = try TokenOptions.readAll(of: traces)
    let model = try simulatedModel(configurations.model.shape, of: pool.shape, in: traces)
    let placement = try choices.placement?.path.map { try PlacementFile(file: $0) }
    let interruption = Interruption()
    var rows: [ServedRun] = []
    for system in systems {
      let gap = try gap.layerGap(model, batch: load.slots, on: system.hardware)
      let system = try system.leaving(gap)
      for (rate, arrivals) in loads {
        for (strategy, forecast, timer) in try timers(
          system.hardware, model, gap, placement, pool.shape) where !interruption.isRequested
        {
          let serving = ServingSimulation(
            timer: timer, slots: load.slots, stepTokens: load.stepTokens)
          rows.append(
            ServedRun(
              wafer: system.hardware.name, shape: model.name, strategy: strategy,
              forecast: forecast, rate: rate, slots: load.slots, stepTokens: load.stepTokens,
              seed: load.seed, system: system.report,
              result: try serving.run(pool, arrivals: arrivals, seed: load.seed)))
        }
      }
    }
    try printing.print(Report(ServedRun.columns, rows), to: &output)
    try interruption.check(results: rows.count)
  }

  /// Every strategy, the staging engine once for every forecast.
  private func timers(
    _ hardware: Hardware, _ model: ModelShape, _ gap: LayerGap?, _ placement: PlacementFile?,
    _ shape: TraceShape
  ) throws -> [(strategy: String, forecast: String?, timer: ServingSimulation.Timer)] {
    let homes = try placement?.placement(
      modelLayers: shape.modelLayers, experts: shape.experts, on: Fabric(hardware))
    let format = configurations.model.weights ?? choices.paper?.format ?? .bf16
    return try strategies().flatMap {
      name -> [(String, String?, ServingSimulation.Timer)] in
      if let strategy = Strategy(rawValue: name) {
        var simulation = Simulation(
          hardware: hardware, model: model, format: format, batch: load.slots, steps: 1,
          strategy: strategy)
        simulation.gapSeconds = gap?.seconds ?? staging.gapSeconds ?? 0
        simulation.options = choices.options
        simulation.engine = engine.engine
        simulation.placement = homes
        return [(name, nil, .strategy(simulation))]
      }
      var simulation = StagingSimulation(
        hardware: hardware, model: model, format: format, options: staging.options(choices))
      simulation.engine = engine.engine
      if let gap { simulation.options.gapSeconds = gap.seconds }
      simulation.placement = homes
      return try forecasts().map { (name, $0.rawValue, .staged(simulation, $0)) }
    }
  }
}

/// One line of `simulate serving`.
struct ServedRun {
  let wafer: String
  let shape: String
  let strategy: String
  let forecast: String?
  /// Requests a second; nil where a file says when they arrive.
  let rate: Double?
  let slots: Int
  let stepTokens: Int
  let seed: UInt64
  let system: Value
  let result: ServingResult

  /// The columns of `simulate serving`.
  static let columns: [Column<Self>] =
    [
      .text("wafer", "wafer") { $0.wafer },
      Column("system", nil, isNested: true) { $0.system },
      .text("shape") { $0.shape },
      Column("strategy", "strategy", isText: true) {
        .text($0.strategy)
      } shown: { row in
        row.strategy + (row.forecast.map { " " + $0 } ?? "")
      },
      .text("forecast") { $0.forecast },
      .number("rate", "rate/s", places: 2) { $0.rate },
      .integer("requests", "requests") { $0.result.requests },
      .integer("slots") { $0.slots },
      .integer("step_tokens") { $0.stepTokens },
      .integer("seed") { Int(clamping: $0.seed) },
    ] + times("first_token", "first token ms", \.timeToFirstToken)
    + times("per_token", "per token ms", \.timePerToken)
    + times("whole", "whole ms", \.wholeTime)
    + [
      .number("mean_wait_seconds") { $0.result.waited.mean },
      .integer("steps") { $0.result.steps },
      .number("tokens_per_step", "tokens/step") { $0.result.tokensPerStep },
      .number("tokens_per_second", "tokens/s", places: 0) { $0.result.tokensPerSecond },
      .number("busy_share", "busy %", times: 100) { $0.result.busyShare },
      .number("seconds") { $0.result.seconds },
    ]

  /// Percentiles of times: the median and the 99th for people, those between for programs too.
  private static func times(
    _ key: String, _ heading: String,
    _ times: any KeyPath<ServingResult, ServingResult.Times> & Sendable
  ) -> [Column<Self>] {
    [50, 90, 99].map { share in
      let column: Column<Self> = .number(
        "\(key)_p\(share)_seconds", share == 50 ? "\(heading) p50" : "p\(share)", times: 1e3,
        places: 2
      ) { $0.result[keyPath: times].percentile(Double(share)) }
      return column
    }
      + [.number("\(key)_mean_seconds") { $0.result[keyPath: times].mean }]
  }
}
