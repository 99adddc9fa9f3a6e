import ArgumentParser
import Demand
import RoutingTrace
import Serving
import Wafer

/// `moecast simulate services`: experts on servers of their own, which are lost and come.
struct SimulateServices: PrintingCommand {
  static let configuration = CommandConfiguration(
    commandName: "services",
    abstract: "Simulates expert servers that attention clients ask, some of them lost.",
    discussion: """
      Examples:
        moecast simulate services --servers 32 --lose 10 --gap model \\
          trace.moe.lz4
        moecast simulate services --servers 8 --rate 200 --day 20 \\
          --provision reactive,forecast trace.moe.lz4

      Clients compute attention and send the tokens of every layer to servers that hold the experts; \
      a server computes together what waits for the same layer. A lost server loses what was sent to \
      it: clients ask others after a time-out, and experts that nobody holds are loaded anew. With \
      --lose or --lose-at, throughput is told beside that of the same run without losses.

      Each GPU of the system is a client or a server; all are behind one switch.

      \(systemsHelp)
      """)

  /// Clients and servers.
  struct Configuration: ParsableArguments {
    @Option(help: ArgumentHelp("The system whose GPUs serve.", valueName: "name"))
    var wafer = "nvlink-8"

    @OptionGroup var model: ModelOnSystems

    @Option(help: ArgumentHelp("Attention clients.", valueName: "count"))
    var clients = 4

    @Option(help: ArgumentHelp("Requests of a client under way at once.", valueName: "count"))
    var batch = 64

    @Option(help: ArgumentHelp("Expert servers; several with commas.", valueName: "counts"))
    var servers = "16"

    @Option(
      help: ArgumentHelp(
        "Experts of a server, all layers together; default: what its memory has room for.",
        valueName: "count"))
    var capacity: Int?

    @Option(
      help: ArgumentHelp(
        "Seconds of a client's own work before a layer; default: 0.", valueName: "seconds"),
      transform: takingSeconds)
    var gapSeconds: Double?

    @Option(
      help: ArgumentHelp("Seconds after which a client asks another.", valueName: "seconds"),
      transform: takingSeconds)
    var timeout = 10e-3

    @Option(
      help: ArgumentHelp("Seconds until a loss is known to all.", valueName: "seconds"),
      transform: takingSeconds)
    var detection = 0.1

    func validate() throws {
      guard (1...1024).contains(clients), (1...1 << 16).contains(batch) else {
        throw ValidationError("--clients is from 1 to 1,024, --batch from 1 to 65,536")
      }
      _ = try counts()
    }

    /// The numbers of servers asked for.
    func counts() throws -> [Int] {
      try commaSeparated(servers, "--servers", "whole numbers from 1 to 4,096") { word in
        Int(word).flatMap { (1...4096).contains($0) ? $0 : nil }
      }
    }
  }

  @OptionGroup var tokens: TokenOptions

  @OptionGroup(title: "Clients and servers") var configuration: Configuration

  @OptionGroup(title: "What lies beside the experts") var gap: GapChoice

  @OptionGroup(title: "Traffic") var traffic: ServiceTrafficChoice

  @OptionGroup(title: "Losses") var losses: ServerLossChoice

  @OptionGroup(title: "Provisioning") var provisioning: ProvisioningChoice

  @OptionGroup var workers: WorkerOptions

  @OptionGroup var printing: ReportOptions

  func validate() throws {
    try refuse(
      [("--gap-seconds", configuration.gapSeconds != nil)], unless: gap.gap == nil,
      "--gap model says what lies between layers")
    try refuse(
      [("--provision", provisioning.provision != nil)], unless: traffic.arrives,
      "servers follow requests that arrive; give --rate or --arrivals")
  }

  func run(printing output: inout StandardOutput) throws {
    let systems = try systems(
      configuration.wafer, overrides: configuration.model.overrides.set,
      strict: configuration.model.overrides.strict)
    guard let system = systems.first, systems.count == 1 else {
      throw ValidationError("--wafer is one system here")
    }
    let pool = try tokens.readPool()
    let model = try simulatedModel(configuration.model.shape, of: pool.shape, in: tokens.traces)
    var rows: [ServiceRow] = []
    for servers in try configuration.counts() {
      let simulation = try simulation(system.hardware, model, servers: servers)
      for (seed, traffic) in try traffic.all() {
        let losses = try losses.losses(servers: servers, seconds: traffic.seconds, seed: seed)
        for provisioning in try provisioning.all() {
          rows.append(
            ServiceRow(
              wafer: system.hardware.name, system: system.report, shape: model.name, seed: seed,
              simulation: simulation, losses: losses, provisioning: provisioning,
              traffic: traffic))
        }
      }
    }
    let planned = rows
    for row in planned {
      try row.simulation.check(
        pool, row.traffic, losses: row.losses, provisioning: row.provisioning)
    }
    let results = try orderedResults(of: Array(rows.indices), workers: workers.threads) {
      turn throws(SimulationError) in try planned[turn].results(pool)
    }
    for (index, (result, undisturbed)) in results.enumerated() {
      rows[index].result = result
      rows[index].undisturbed = undisturbed
    }
    try printing.print(Report(ServiceRow.columns, rows), to: &output)
  }

  private func simulation(
    _ hardware: Hardware, _ model: ModelShape, servers: Int
  ) throws -> ExpertServerSimulation {
    var simulation = ExpertServerSimulation(
      hardware: hardware, model: model, format: configuration.model.weights ?? .bf16)
    simulation.options.clients = configuration.clients
    simulation.options.batch = configuration.batch
    simulation.options.servers = servers
    simulation.options.capacity = configuration.capacity
    simulation.options.timeoutSeconds = configuration.timeout
    simulation.options.detectionSeconds = configuration.detection
    // A client is one die, and computes attention for its batch alone.
    var die = hardware
    (die.columns, die.rows) = (1, 1)
    let modelled = try gap.layerGap(model, batch: configuration.batch, on: die)
    simulation.options.gapSeconds = modelled?.seconds ?? configuration.gapSeconds ?? 0
    return simulation
  }
}

/// One line of `simulate services`.
struct ServiceRow: Sendable {
  let wafer: String
  let system: Value
  let shape: String
  let seed: UInt64
  let simulation: ExpertServerSimulation
  let losses: ServerLosses
  let provisioning: Provisioning?
  let traffic: ServiceTraffic
  var result = ServiceResult()
  /// The same without losses; nil where there are none.
  var undisturbed: ServiceResult?

  /// Runs the line, and the same without losses.
  func results(
    _ pool: RequestPool
  ) throws(SimulationError) -> (ServiceResult, ServiceResult?) {
    let result = try simulation.run(
      pool, traffic, losses: losses, provisioning: provisioning, seed: seed)
    guard !losses.losses.isEmpty else { return (result, nil) }
    return (
      result, try simulation.run(pool, traffic, provisioning: provisioning, seed: seed)
    )
  }

  /// Share of the throughput without losses that they cost; nil where there is none.
  private var lostShare: Double? {
    undisturbed.flatMap {
      $0.observedTokens > 0 ? 1 - result.tokensPerSecond / $0.tokensPerSecond : nil
    }
  }

  /// Share of the time of all servers, always, that was not paid for; of a provisioned run.
  private var savedShare: Double? {
    provisioning.map { _ in
      1 - result.meanServers / Double(simulation.options.servers)
    }
  }

  /// The columns of `simulate services`.
  static let columns: [Column<Self>] =
    [
      .text("wafer", "wafer") { $0.wafer },
      Column("system", nil, isNested: true) { $0.system },
      .text("shape") { $0.shape },
      .text("provision", "provision") { $0.provisioning?.policy.rawValue },
      .integer("clients") { $0.simulation.options.clients },
      .integer("batch") { $0.simulation.options.batch },
      .integer("servers", "servers") { $0.simulation.options.servers },
      .integer("core_servers", "core") { $0.result.coreServers },
      .integer("capacity") { $0.result.capacity },
      .integer("most_held") { $0.result.mostHeld },
      .number("gap_seconds") { $0.simulation.options.gapSeconds },
      .number("timeout_seconds") { $0.simulation.options.timeoutSeconds },
      .integer("seed", "seed") { Int(clamping: $0.seed) },
      .number("seconds", "seconds") { $0.result.seconds },
      .integer("tokens") { $0.result.tokens },
      .integer("requests", "requests") { $0.result.requests },
      .number("tokens_per_second", "tokens/s", places: 0) { $0.result.tokensPerSecond },
      .integer("lost", "lost") { $0.result.lost },
      .number("lost_throughput", "lost throughput %", times: 100, places: 2) { $0.lostShare },
      .integer("added") { $0.result.added },
      .number("mean_servers", "mean servers", places: 2) { $0.result.meanServers },
      .integer("most_servers") { $0.result.mostServers },
      .number("saved", "saved %", times: 100) { $0.savedShare },
      .number("busy_share", "busy %", times: 100) { $0.result.busyShare },
      .number("step_p50_seconds", "step ms p50", times: 1e3, places: 2) {
        $0.result.stepSeconds.percentile(50)
      },
      .number("step_p99_seconds", "p99", times: 1e3, places: 2) {
        $0.result.stepSeconds.percentile(99)
      },
      .number("per_token_p50_seconds", "per token ms p50", times: 1e3, places: 2) {
        $0.result.secondsPerToken.percentile(50)
      },
      .number("per_token_p99_seconds", "p99", times: 1e3, places: 2) {
        $0.result.secondsPerToken.percentile(99)
      },
    ] + counts
    + [
      .number("server_seconds") { $0.result.serverSeconds },
      .number("busy_seconds") { $0.result.busySeconds },
      .number("attention_seconds") { $0.result.attentionSeconds },
      .number("waiting_seconds") { $0.result.waitingSeconds },
      .integer("orphaned") { $0.result.orphaned },
      .integer("loads", "loads") { $0.result.loads },
      .number("loaded_bytes") { $0.result.loadedBytes },
      Column("windows", nil, isNested: true) { row in
        .list(
          row.result.windows.map { window in
            var members: [String: Value] = [
              "seconds": .number(window.seconds), "arrived": .integer(window.arrived),
              "servers": .integer(window.servers),
            ]
            if let expected = window.expected { members["expected"] = .number(expected) }
            return .object(members)
          })
      },
    ]

  /// Choices and messages, and what became of them.
  private static let counts: [Column<Self>] = [
    .integer("choices.asked") { $0.result.choices.asked },
    .integer("choices.answered") { $0.result.choices.answered },
    .integer("choices.asked_again", "asked again") { $0.result.choices.askedAgain },
    .integer("choices.parked") { $0.result.choices.parked },
    .integer("messages.sent") { $0.result.messages.sent },
    .integer("messages.heeded") { $0.result.messages.heeded },
    .integer("messages.ignored") { $0.result.messages.ignored },
    .integer("messages.refused") { $0.result.messages.refused },
    .integer("messages.lost") { $0.result.messages.lost },
    .integer("messages.timed_out") { $0.result.messages.timedOut },
  ]
}
