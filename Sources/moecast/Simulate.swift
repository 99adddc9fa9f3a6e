import ArgumentParser
import Demand
import MemoryBudget
import RoutingTrace
import Wafer

/// `moecast simulate`: the paper's case study 1, one line a configuration.
struct Simulate: PrintingCommand {
  static let configuration = CommandConfiguration(
    commandName: "simulate",
    abstract: "Simulates MoE layers on a wafer of dies, or on a smaller system.",
    discussion: """
      Fills batches with the traces' decode tokens, gives every layer's experts to dies by each \
      strategy, and times the reading and computing of their weights. hops, reads and copies are \
      means a layer.

      Example:
        moecast simulate --wafer dojo,sow --shape llama-4-maverick \\
          --strategy base,ep,allo,pred,allo+pred --batch 4096,16384 trace.moe.lz4

      Systems: \(Hardware.shippedNames.joined(separator: ", ")), or a JSON file with these keys: \
      \(Hardware.keys.joined(separator: ", ")).
      """)

  @Argument(help: ArgumentHelp("Traces (*.moe.lz4), folders of them, or -.", valueName: "trace"))
  var traces: [String]

  @Option(help: "Systems: shipped names or JSON files, with commas. (default: dojo)")
  var wafer: String?

  @Option(help: ArgumentHelp("Override of a system's key; repeatable.", valueName: "key=value"))
  var set: [String] = []

  @Option(help: "Model shape; default: the model that the trace names.")
  var shape: String?

  @Option(help: "Weights of the experts: \(names(WeightFormat.self)). (default: bf16)")
  var weights: WeightFormat?

  static let staged = "staged"

  @Option(help: "Strategies with commas: \(names(Strategy.self)), staged (the staging engine).")
  var strategy = "base,ep,allo,pred,allo+pred"

  @Option(help: "Batch sizes with commas. (default: 4096)")
  var batch: String?

  @Option(help: "Decode steps. (default: 2)")
  var steps: Int?

  @Option(help: "Steps at the beginning that make copies but are not counted. (default: 0)")
  var warmSteps: Int?

  @Option(help: "MoE layers simulated; default: all of the trace.")
  var layers: Int?

  @Option(help: "Tokens that fill the batches: decode, prefill or all.")
  var stage = "decode"

  @OptionGroup(title: "Batches") var filling: BatchingChoice

  @OptionGroup(title: "Open choices of the paper") var choices: SimulationChoices

  @OptionGroup(title: "Engine") var engine: EngineChoice

  @OptionGroup(title: "Staging engine (strategy staged)") var staging: StagingChoices

  @Option(help: "Model (*.h5) whose token heatmap is used; default: the traces' own tokens.")
  var model: String?

  @Flag(
    help: """
      Run all strategies and the staging engine for the paper's four models on dojo and sow with \
      batches of 4,096 to 16,384, 16 steps of which 8 warm up. Models other than the trace's run \
      on its requests scaled to their shape, and say so.
      """)
  var sweep = false

  @Flag(help: "With --sweep: print comma-separated values.")
  var csv = false

  @OptionGroup var workers: WorkerOptions

  @Option(help: "With --sweep: seconds of a round trip to a host that plans in the wafer's place.")
  var hostRoundTripSeconds = HostAllocation().roundTripSeconds

  @Option(
    help: ArgumentHelp(
      "Compare expert caches of these capacities, in per cent of all experts, and nothing else.",
      valueName: "percents"))
  var expertCache: String?

  @Flag(
    help: """
      Compare what forecasts expect of every layer's experts with what the batches ask for, and \
      nothing else. Forecasts: --forecast, by default frequency, persistence, heatmap, mixture; of \
      32 steps the first 8 only warm up.
      """)
  var demand = false

  @Flag(name: .customLong("json"), help: "Print a JSON list, one object a configuration.")
  var asJSON = false

  mutating func validate() throws {
    _ = try strategies()
    _ = try batches()
    guard Stage.allCases.map(\.name).contains(stage) || stage == "all" else {
      throw ValidationError("--stage is decode, prefill or all, not '\(stage)'")
    }
    guard countedSteps.all > countedSteps.warm, countedSteps.warm >= 0 else {
      throw ValidationError("--steps must be above --warm-steps, which is at least 0")
    }
    guard !demand || countedSteps.all > 1 else {
      throw ValidationError("--demand holds every step against the one before; give 2 --steps")
    }
    let shapes = sweep ? shape?.split(separator: ",").map(String.init) : shape.map { [$0] }
    if let shape = shapes?.first(where: { ModelShape.named($0) == nil }) {
      throw ValidationError(
        "--shape '\(shape)' is unknown; known are "
          + ModelShape.known.map(\.name).joined(separator: ", "))
    }
    try choices.check()
    try engine.check()
    try staging.check()
    if let expertCache { _ = try Self.percents(expertCache) }
    try filling.check(
      stage: stage,
      forecasts: demand ? try demandQuestions().map(\.forecast) : try staging.chosen())
    guard [sweep, expertCache != nil, demand].count(where: { $0 }) <= 1 else {
      throw ValidationError("give one of --sweep, --expert-cache and --demand")
    }
    guard filling.policy == .replay() || !(sweep || expertCache != nil) else {
      throw ValidationError(
        "--batching continuous and --prefill-chunk are for single configurations, not for --sweep"
          + " or --expert-cache")
    }
  }

  func run(printing output: inout StandardOutput) throws {
    let systems = try systems()
    let pool = try readPool()
    if let expertCache {
      let report = try ExpertCacheReport(
        pool, percents: try Self.percents(expertCache), horizon: staging.horizon,
        workers: workers.threads)
      return try output.report(asJSON, report.lines, report.table)
    }
    if demand { return try runDemand(pool, printing: &output) }
    if sweep { return try runSweep(systems, pool, printing: &output) }
    let shape = try modelShape(for: pool.shape)
    let strategies = try strategies()
    let foreknowledge = try foreknowledge(pool, for: strategies)
    var lines: [SimulationLine] = []
    for hardware in systems {
      for batch in try batches() {
        for name in strategies {
          if let strategy = Strategy(rawValue: name) {
            lines.append(
              try simulate(
                strategy, hardware, shape, batch: batch, pool, foreknowledge.transitions))
          } else {
            lines += try stage(hardware, shape, batch: batch, pool, foreknowledge)
          }
        }
      }
    }
    try output.report(asJSON, lines, SimulationLine.table(lines))
  }

  private func strategies() throws -> [String] {
    let known = Strategy.allCases.map(\.rawValue) + [Self.staged]
    return try commaSeparated(strategy, "--strategy", known.joined(separator: ", ")) { name in
      known.first { $0 == name }
    }
  }

  func batches() throws -> [Int] {
    let usual = sweep ? "4096,8192,16384" : "4096"
    return try commaSeparated(batch ?? usual, "--batch", "whole numbers from 1 to 1,048,576") {
      text in
      Int(text).flatMap { (1...1 << 20).contains($0) ? $0 : nil }
    }
  }

  private static func percents(_ text: String) throws -> [Double] {
    try commaSeparated(text, "--expert-cache", "numbers above 0, at most 100") { word in
      Double(word).flatMap { $0 > 0 && $0 <= 100 ? $0 : nil }
    }
  }

  private func simulate(
    _ strategy: Strategy, _ hardware: Hardware, _ model: ModelShape, batch: Int,
    _ pool: RequestPool, _ transitions: TransitionCounts?
  ) throws -> SimulationLine {
    var simulation = Simulation(
      hardware: hardware, model: model, format: weights ?? .bf16, batch: batch,
      steps: countedSteps.all, strategy: strategy)
    simulation.warmSteps = countedSteps.warm
    simulation.layers = layers
    simulation.batching = filling.policy
    simulation.options = choices.options
    simulation.engine = engine.engine
    return SimulationLine(
      simulation.fabric, model, batch: batch, strategy: strategy.rawValue,
      engine: engine.name, try simulation.run(pool, transitions: transitions))
  }

  /// Steps run, and those of them that only warm up.
  var countedSteps: (all: Int, warm: Int) {
    guard sweep || demand else { return (steps ?? 2, warmSteps ?? 0) }
    let all = steps ?? (sweep ? 16 : 32)
    return (all, warmSteps ?? min(8, all / 2))
  }

  private func systems() throws -> [Hardware] {
    let names = wafer ?? (sweep ? "dojo,sow" : "dojo")
    return try names.split(separator: ",").map { try system(named: String($0)) }
  }

  private func system(named name: String) throws -> Hardware {
    var hardware: Hardware
    if let shipped = try Hardware.shipped(name) {
      hardware = shipped
    } else {
      hardware = try Hardware(file: name)
    }
    for override in set { try hardware.apply(override: override) }
    return hardware
  }

  private func readPool() throws -> RequestPool {
    var stream = try TraceStream(traces)
    var collector = RequestPool.Collector(
      shape: stream.shape, stage: Stage.allCases.first { $0.name == stage })
    // All of them are kept, so what there is before the first chunk has to do.
    let memory = AvailableMemory.ofThisProcess()
    while let chunk = try stream.next() {
      collector.add(chunk.block)
      try memory.check(collector.memoryDemand)
    }
    return collector.pool()
  }

  private func modelShape(for trace: TraceShape) throws -> ModelShape {
    let name = shape ?? trace.model
    guard let model = ModelShape.named(name) else {
      throw TraceError(
        .shapeMismatch, file: traces.first ?? "-", problem: "it does not name a known model",
        remedy: "add --shape, one of " + ModelShape.known.map(\.name).joined(separator: ", "))
    }
    return model
  }
}

/// The values of an enum, for help and errors.
func names<Choice: RawRepresentable<String> & CaseIterable>(_: Choice.Type) -> String {
  Choice.allCases.map(\.rawValue).joined(separator: ", ")
}

extension WeightFormat: ExpressibleByArgument {}
extension BaseRule: ExpressibleByArgument {}
extension HomePlacement: ExpressibleByArgument {}
extension AllocationOptions.Cost: ExpressibleByArgument {}
extension EventEngine.Order: ExpressibleByArgument {}
