import ArgumentParser
import Demand
import Placement
import RoutingTrace
import Wafer

/// `moecast place`: where experts lie, and what that is worth on later tokens.
struct Place: PrintingCommand {
  static let configuration = CommandConfiguration(
    abstract: "Places experts on GPUs, and says what that is worth on later tokens.",
    discussion: """
      Examples:
        moecast place --gpus 8 --redundant 8 trace.moe.lz4
        moecast place --algorithm remap --judge trace.moe.lz4 --traffic model.h5
        moecast place --algorithm eplb --redundant 8 -o experts.json trace.moe.lz4
        moecast place --algorithm remap --batch 4 --every 16 trace.moe.lz4

      Algorithms:
      \(PlacementRule.allCases.map { "  \($0.rawValue): \($0.summary)" }.joined(separator: "\n"))

      Experts are placed from tokens that come first and judged on those that come later: decoded \
      tokens behind prompts, what follows a window, or requests that begin later. The first line is \
      contiguous without copies, the default of engines; the last two are bounds, placed from the \
      very tokens that are judged on: the oracle (of the algorithms asked for the one whose experts \
      take the shortest then) and worst. balancedness is SGLang's, imbalance TensorRT-LLM's, both of \
      single batches; max/mean is of all batches together. A token goes once to every other GPU that \
      computes any of its experts. experts us is the time of the busiest GPU, layer us with dispatch \
      and combine before and after it; in brackets 95 % intervals over draws of requests.

      With --every, experts are placed anew every so many steps by what the steps before asked for, \
      while requests are served in the order of the traces; serving waits while weights move. "paying" \
      moves a layer only where the steps before would have been shorter by more than that takes.

      Formats of -o:
      \(PlacementFormats.all.map { "  \($0.name): \($0.summary)" }.joined(separator: "\n"))

      \(systemsHelp)
      """)

  @OptionGroup var source: PlaceSource

  @OptionGroup(title: "GPUs") var system: PlaceSystem

  @Option(
    help: ArgumentHelp(
      "Algorithms with commas, or all; default: all.", valueName: "names"))
  var algorithm = "all"

  @Option(
    help: ArgumentHelp("eplb: groups of experts of the router; default: 1.", valueName: "count"))
  var groups: Int?

  @Option(
    help: ArgumentHelp(
      "separation, locality: what a GPU may have above the mean load; default: .1.",
      valueName: "part"))
  var tolerance: Double?

  @Option(help: ArgumentHelp("Tokens of a step, several with commas.", valueName: "sizes"))
  var batch = "256"

  @Option(help: ArgumentHelp("Steps that are judged; default: 16.", valueName: "count"))
  var steps: Int?

  @Option(
    help: ArgumentHelp("Draws of requests for intervals; default: 100.", valueName: "count"))
  var draws: Int?

  @Option(help: ArgumentHelp("Of batches and draws; default: 1.", valueName: "number"))
  var seed: UInt64?

  @Flag(help: "Also who sends whom how much, by the default and by the algorithms.")
  var traffic = false

  @Option(help: ArgumentHelp("Place anew every so many steps.", valueName: "steps"))
  var every: Int?

  @OptionGroup(title: "The placement as a file") var file: PlaceFile

  @OptionGroup var workers: WorkerOptions

  @OptionGroup var printing: ReportOptions

  var stepCount: Int { steps ?? 16 }
  var drawCount: Int { draws ?? 100 }
  var namesAll: Bool { algorithm == "all" }
  var hasRedundant: Bool { system.redundant ?? 0 > 0 }

  func validate() throws {
    let rules = try rules()
    _ = try batchSizes(batch)
    guard (1...1 << 16).contains(stepCount), (0...100_000).contains(drawCount) else {
      throw ValidationError("--steps is from 1 to 65,536, --draws from 0 to 100,000")
    }
    guard every ?? 1 > 0, groups ?? 1 > 0, tolerance.map({ $0 >= 0 && $0 < .infinity }) ?? true
    else {
      throw ValidationError("--every and --groups are at least 1, --tolerance at least 0")
    }
    try refuse(
      [("--redundant", hasRedundant)], unless: rules.contains(where: \.takesRedundantSlots),
      "\(algorithm) places every expert once")
    try refuse(
      [("--groups", groups != nil)], unless: rules.contains { $0.needs.contains(.groups) },
      "it is for eplb")
    try refuse(
      [("--tolerance", tolerance != nil)], unless: rules.contains { $0.needs.contains(.tolerance) },
      "it is for separation and locality")
    try refuse(
      [
        ("--steps", steps != nil), ("--draws", draws != nil), ("--seed", seed != nil),
        ("--traffic", traffic),
      ], unless: every == nil, "--every serves all tokens once, in their order")
    try refuse([("--traffic", traffic)], unless: !printing.asCSV, "CSV has no place for a matrix")
    try file.check(rules, batches: try batchSizes(batch).count, isReplaced: every != nil)
  }

  /// The algorithms asked for; the adversary is a bound beside them.
  func rules() throws -> [PlacementRule] {
    let known = PlacementRule.allCases.filter { $0 != .worst }
    if namesAll { return known }
    let wanted = known.map(\.rawValue).joined(separator: ", ")
    return try commaSeparated(algorithm, "--algorithm", wanted + ", all") { name in
      known.first { $0.rawValue == name }
    }
  }

  func run(printing output: inout StandardOutput) throws {
    let run = try PlaceRun(self)
    let sizes = try batchSizes(batch)
    if file.output != nil {
      try file.write(try run.placed(batch: sizes[0]), inputs: source.files + source.judge)
    }
    guard let pool = run.material.judged else {
      guard file.output != nil else {
        throw PlacementError(
          "counts tell no tokens to judge on",
          remedy: "give --judge TRACE, or write the placement (-o)")
      }
      return
    }
    if let every {
      let rows = try sizes.flatMap { try run.replacements(every: every, batch: $0, on: pool) }
      let report = Report(ReplacedRow.columns, rows)
      let told =
        "placed first from \(rows[0].evidence), served in order: \(counted(pool.tokens, "token")) of "
        + "\(counted(pool.requests, "request")), \(run.hardware.name)"
      return try printing.print(
        report, to: &output, table: [told, report])
    }
    let rows = try sizes.flatMap { try run.rows(batch: $0, on: pool) }
    let report = Report(PlacedRow.columns(nodes: rows[0].map.layout.nodes), rows)
    let told =
      "placed from \(rows[0].evidence), judged on \(run.material.judgedWords): "
      + "\(counted(pool.tokens, "token")) of \(counted(pool.requests, "request")), "
      + "\(run.hardware.name), \(counted(stepCount, "step"))"
    let matrices = traffic ? rows.filter { !$0.isBound }.flatMap(\.trafficTable) : []
    try printing.print(
      report, to: &output, table: [told, report] + matrices)
  }
}
