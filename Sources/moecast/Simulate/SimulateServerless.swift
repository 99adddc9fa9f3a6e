import ArgumentParser
import Demand
import RoutingTrace
import Serving
import Wafer

/// `moecast simulate serverless`: experts that are brought, copied and unloaded as their loads are
/// forecast, beside experts that lie where they are.
struct SimulateServerless: PrintingCommand {
  static let configuration = CommandConfiguration(
    commandName: "serverless",
    abstract:
      "Serves arrivals by experts that come and go as loads are forecast: latency and cost.",
    discussion: """
      Example:
        moecast simulate serverless --wafer nvlink-8 --weights fp8 --rate 5 \\
          --requests 60 --forecast none,frequency,mixture trace.moe.lz4
        moecast simulate serverless --arrivals azure.csv --policy static,serverless \\
          --distance 1,2,3,4 --seed 1,2,3 --json trace.moe.lz4

      Requests of the traces arrive, are let in at the end of their window, and take a token a step. \
      static holds every expert once; eplb places them and redundant copies anew every so many \
      steps, and stands still while weights move; serverless brings experts that are expected to be \
      asked for, copies those that would hold a layer up, and unloads what nobody has used or \
      expected for a while. All experts are there for good in a memory behind the GPUs, the host's \
      unless the system names one. GB s is memory times time, the whole model's experts on GPUs; \
      right is the share of a layer's requests that was forecast of the right expert, found the share \
      of experts with twice the mean load that was forecast as such.

      A file of arrivals is as simulate serving --help says.

      \(systemsHelp)
      """)

  /// What decides where experts lie.
  enum PolicyName: String, CaseIterable {
    case fixed = "static"
    case balanced = "eplb"
    case serverless
  }

  /// What is combined.
  struct Configurations: ParsableArguments {
    @Option(help: ArgumentHelp("Systems, with commas.", valueName: "names"))
    var wafer = "nvlink-8"

    @OptionGroup var model: ModelOnSystems

    @Option(
      help: ArgumentHelp("Policies with commas: static, eplb, serverless.", valueName: "names"))
    var policy = "static,eplb,serverless"

    @Option(
      name: .customLong("forecast"),
      help: ArgumentHelp(
        """
        Forecasts of the policy serverless, with commas: none, persistence, frequency, mixture, \
        oracle; default: mixture.
        """, valueName: "names"))
    var forecasts: String?
  }

  /// When requests arrive, and what is under way at once.
  struct Load: ParsableArguments {
    @OptionGroup var choice: ArrivalChoice

    @Option(help: "Requests under way at once.")
    var slots = 64

    @Option(
      help: ArgumentHelp(
        "Seconds of the windows in which arrivals are gathered; 0 lets each in as it comes.",
        valueName: "seconds"), transform: takingSeconds)
    var window = 1.0

    @Option(
      help: ArgumentHelp(
        "With --stage prefill or all: tokens of a step, prompts' pieces among them; default: 512.",
        valueName: "tokens"))
    var stepTokens: Int?

    @Option(
      help: ArgumentHelp("Seconds between MoE layers; default: 0.", valueName: "seconds"),
      transform: takingSeconds)
    var gapSeconds: Double?

    @Option(
      help: ArgumentHelp(
        "Of arrivals and of the queue of requests, or several with commas for a run each.",
        valueName: "numbers"))
    var seed = "1"

    func validate() throws {
      guard (1...1 << 16).contains(slots), (1...1 << 20).contains(stepTokens ?? 1) else {
        throw ValidationError("--slots is from 1 to 65,536, --step-tokens from 1 to 1,048,576")
      }
      guard window >= 0, window <= 3600, gapSeconds ?? 0 >= 0, gapSeconds ?? 0 <= 3600 else {
        throw ValidationError("--window and --gap-seconds are from 0 to 3,600 seconds")
      }
      _ = try seeds()
    }

    fileprivate func seeds() throws -> [UInt64] {
      try commaSeparated(seed, "--seed", "whole numbers from 0") { UInt64($0) }
    }
  }

  /// The thresholds of the policy serverless.
  struct Thresholds: ParsableArguments {
    @Option(
      help: ArgumentHelp(
        "Layers ahead of which loads are forecast, 1 to 4, with commas; default: 3.",
        valueName: "layers"))
    var distance: String?

    @Option(
      help: ArgumentHelp(
        "An expert is copied where a replica would compute for longer than this many times a GPU's even share of the layer; default: 1.",
        valueName: "times"))
    var straggler: Double?

    @Option(
      help: ArgumentHelp(
        "An expert is brought, or kept, that is expected to get this many requests of a batch; default: 0.5.",
        valueName: "requests"))
    var leastLoad: Double?

    @Option(
      help: ArgumentHelp(
        "Seconds for which an expert stays after it was last used or expected; default: 1.",
        valueName: "seconds"))
    var keepAlive: Double?

    @Option(
      help: ArgumentHelp(
        "Share of the seconds of bringing an expert that lying elsewhere counts for; default: 0.1.",
        valueName: "share"))
    var locality: Double?

    @Flag(
      help: """
        Prepare every layer a step before, too, by a forecast of the next token; else those alone \
        that have none --distance before them.
        """)
    var nextStep = false

    func validate() throws {
      guard
        [straggler, leastLoad, keepAlive, locality].allSatisfy({ (0...1e9).contains($0 ?? 0) })
      else {
        throw ValidationError(
          "--straggler, --least-load, --keep-alive and --locality are numbers from 0 to 1e9")
      }
      _ = try all()
    }

    /// Names of the options that were given.
    fileprivate var given: [(name: String, isGiven: Bool)] {
      [
        ("--distance", distance != nil), ("--straggler", straggler != nil),
        ("--least-load", leastLoad != nil), ("--keep-alive", keepAlive != nil),
        ("--locality", locality != nil), ("--next-step", nextStep),
      ]
    }

    /// The thresholds, once for every distance.
    fileprivate func all() throws -> [ServerlessOptions] {
      var options = ServerlessOptions()
      if let straggler { options.straggler = straggler }
      if let leastLoad { options.leastLoad = leastLoad }
      if let keepAlive { options.keepAlive = keepAlive }
      if let locality { options.locality = locality }
      options.preparesNextStep = nextStep
      let longest = MixtureTables.longestHorizon
      return try commaSeparated(
        distance ?? "\(options.distance)", "--distance", "whole numbers from 1 to \(longest)"
      ) { word in
        Int(word).flatMap { (1...longest).contains($0) ? $0 : nil }
      }.map {
        options.distance = $0
        return options
      }
    }
  }

  /// The policy eplb.
  struct Balancer: ParsableArguments {
    @Option(
      help: ArgumentHelp(
        "Policy eplb: steps after which experts are placed anew; default: 100.", valueName: "steps")
    )
    var every: Int?

    @Option(
      help: ArgumentHelp(
        "Policy eplb: slots of a layer beyond one for each expert; default: one a GPU.",
        valueName: "slots"))
    var redundant: Int?

    func validate() throws {
      guard every ?? 1 > 0, redundant ?? 0 >= 0 else {
        throw ValidationError("--every is at least 1, --redundant at least 0")
      }
    }
  }

  @OptionGroup var tokens: TokenOptions

  @OptionGroup(title: "Configurations") var configurations: Configurations

  @OptionGroup(title: "Arrivals and batches") var load: Load

  @OptionGroup(title: "Experts that come and go (policy serverless)") var thresholds: Thresholds

  @OptionGroup(title: "Experts that are placed (policy eplb)") var balancer: Balancer

  @OptionGroup(title: "What lies beside the experts") var gap: GapChoice

  @OptionGroup(title: "What is known beforehand") var trained: TrainedModelChoice

  @OptionGroup var workers: WorkerOptions

  @OptionGroup var printing: ReportOptions

  func validate() throws {
    let policies = try policies()
    try refuse(
      [("--forecast", configurations.forecasts != nil)] + thresholds.given,
      unless: policies.contains(.serverless), "it is for the policy serverless")
    try refuse(
      [("--every", balancer.every != nil), ("--redundant", balancer.redundant != nil)],
      unless: policies.contains(.balanced), "it is for the policy eplb")
    try refuse(
      [("--gap-seconds", load.gapSeconds != nil)], unless: gap.gap == nil,
      "--gap model says what lies between layers")
    try refuse(
      [("--step-tokens", load.stepTokens != nil)], unless: tokens.stage != Stage.decode.name,
      "requests take a decoded token a step")
    let forecasts = policies.contains(.serverless) ? try forecasts() : []
    try trained.check(forecasts: forecasts.map { .own($0) })
    guard tokens.stage == Stage.decode.name || !forecasts.contains(.mixture) else {
      throw ValidationError(
        "--forecast mixture follows requests token by token, and --stage \(tokens.stage) takes prompts"
          + " in pieces; take decode, or --forecast frequency")
    }
  }

  private func policies() throws -> [PolicyName] {
    try commaSeparated(configurations.policy, "--policy", "static, eplb, serverless") {
      PolicyName(rawValue: $0)
    }
  }

  private func forecasts() throws -> [ForecastChoice] {
    let known: [ForecastChoice] = [.none, .persistence, .frequency, .mixture, .oracle]
    return try commaSeparated(
      configurations.forecasts ?? ForecastChoice.mixture.rawValue, "--forecast",
      known.map(\.rawValue).joined(separator: ", ")
    ) { name in known.first { $0.rawValue == name } }
  }

  func run(printing output: inout StandardOutput) throws {
    let systems = try systems(
      configurations.wafer, overrides: configurations.model.overrides.set,
      strict: configurations.model.overrides.strict)
    let runs = try thresholds.all()
    let seeds = try load.seeds()
    let loads = try seeds.flatMap { seed in
      try load.choice.all(seed: seed).map { (seed: seed, rate: $0.rate, arrivals: $0.arrivals) }
    }
    var read = TokenOptions.Reading(positions: trained.model.map { _ in tokens.noPositions })
    let pool = try tokens.readPool(&read)
    let model = try simulatedModel(configurations.model.shape, of: pool.shape, in: tokens.traces)
    let sources = try sources(pool, read.positions?.map(), horizon: runs.map(\.distance).max() ?? 1)
    let interruption = Interruption()
    var rows: [ServerlessRow] = []
    for system in systems {
      let gap = try gap.layerGap(model, batch: load.slots, on: system.hardware)
      let system = try system.leaving(gap)
      var simulation = try ServerlessSimulation(
        hardware: system.hardware, model: model, format: configurations.model.weights ?? .bf16,
        slots: load.slots)
      if let stepTokens = load.stepTokens { simulation.stepTokens = stepTokens }
      simulation.window = load.window
      simulation.gapSeconds = gap?.seconds ?? load.gapSeconds ?? 0
      for (seed, rate, arrivals) in loads {
        var fixed: ServerlessResult?
        for run in try configured(runs, gpus: simulation.fabric.dies)
        where !interruption.isRequested {
          let result = try simulation.run(
            run.policy, pool, arrivals: arrivals, seed: seed, sources)
          if run.name == .fixed { fixed = result }
          rows.append(
            ServerlessRow(
              wafer: system.hardware.name, shape: model.name, policy: run.name.rawValue,
              forecast: run.forecast?.rawValue, options: run.options, rate: rate,
              slots: load.slots, seed: seed, system: system.report, fixed: fixed, result: result))
        }
      }
    }
    try printing.print(Report(ServerlessRow.columns, rows), to: &output)
    try interruption.check(results: rows.count)
  }

  /// What the mixture's chances come from, where anybody asks.
  private func sources(
    _ pool: RequestPool, _ map: PoolMap?, horizon: Int
  ) throws -> ForecastSources {
    var sources = ForecastSources()
    guard try policies().contains(.serverless), try forecasts().contains(.mixture) else {
      return sources
    }
    if let path = trained.model, let map {
      sources.trained = try RecordedChances(
        model: path, learns: trained.learn, traces: tokens.traces, pool, map)
    } else {
      sources.mixture = try MixtureTables(pool, horizon: horizon, workers: workers.threads)
    }
    return sources
  }

  /// One line's policy.
  private struct Configured {
    let name: PolicyName
    let policy: ServerlessSimulation.Policy
    var forecast: ForecastChoice?
    var options: ServerlessOptions?
  }

  /// Every policy; serverless once for every forecast and distance, of which none needs but one.
  private func configured(_ runs: [ServerlessOptions], gpus: Int) throws -> [Configured] {
    try policies().flatMap { name -> [Configured] in
      switch name {
      case .fixed: return [Configured(name: name, policy: .fixed)]
      case .balanced:
        return [
          Configured(
            name: name,
            policy: .balanced(
              every: balancer.every ?? 100, redundant: balancer.redundant ?? gpus))
        ]
      case .serverless:
        return try forecasts().flatMap { forecast in
          (forecast == .none ? Array(runs.prefix(1)) : runs).map {
            Configured(
              name: name, policy: .serverless($0, forecast), forecast: forecast, options: $0)
          }
        }
      }
    }
  }
}
