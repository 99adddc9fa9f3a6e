import ArgumentParser
import Demand
import RoutingTrace
import Staging
import Synchronization
import Wafer

/// `moecast simulate paper`: the paper's case study 1 by each set of choices, beside its numbers.
struct SimulatePaper: PrintingCommand {
  static let configuration = CommandConfiguration(
    commandName: "paper",
    abstract: "Holds the paper's numbers against ours, and draws its figures.",
    discussion: """
      Example:
        moecast simulate paper --figures figures llama-4-maverick.moe.lz4

      Runs the paper's five strategies on its wafers, models and batches by each set of choices: \
      default (as simulate sweep), P and N (see simulate sweep --help). Models other than the \
      trace's run on its requests scaled to their shape; one that does not fit into the wafers' \
      memory by a set of choices is left out of it, and said. Ratios of throughput are means over \
      configurations, those of hops are of sums.
      """)

  /// The choices of a run: the program's own, or a preset's.
  enum Choices: String, CaseIterable, Sendable {
    case usual = "default"
    case untuned = "P"
    case tuned = "N"

    var preset: PaperPreset? { PaperPreset(rawValue: rawValue) }
  }

  @OptionGroup var tokens: TokenOptions

  @Option(
    name: .customLong("paper"),
    help: ArgumentHelp("Sets of choices, with commas: \(names(Choices.self)).", valueName: "names"))
  var presets = Choices.allCases.map(\.rawValue).joined(separator: ",")

  @Option(
    help: ArgumentHelp(
      """
      Folder for the paper's figures by each set of choices, as SVG and CSV: 12 (throughput), 14 \
      (hops and memory accesses), 15 (planning on the host).
      """, valueName: "folder"))
  var figures: String?

  @OptionGroup var force: ForceOption

  @Option(
    help: ArgumentHelp(
      """
      Keep results in this file as they come, and go on from those that it has of the same run.
      """, valueName: "file"))
  var resume: String?

  @OptionGroup var workers: WorkerOptions

  @OptionGroup var printing: ReportOptions

  func validate() throws {
    _ = try choices()
    try refuse([("--force", force.force)], unless: figures != nil, "no file is written")
  }

  private func choices() throws -> [Choices] {
    try commaSeparated(presets, "--paper", names(Choices.self)) { Choices(rawValue: $0) }
  }

  func run(printing output: inout StandardOutput) throws {
    let pool = try tokens.readPool()
    let choices = try choices()
    var lines: [Line] = []
    let bar = Mutex((bar: ProgressBar(total: nil, unit: "runs"), done: 0))
    let interruption = Interruption()
    let kept = try resume.map { path in
      try KeptResults<ChosenRow>(
        path, of: "simulate paper", fingerprint: "\(choices) \(pool.digest)")
    }
    for choice in choices {
      let names = PaperComparison.wafers + [PaperComparison.enhanced]
      let systems = try moecast.systems(
        names.joined(separator: ","), overrides: choice.preset?.overrides ?? [])
      var rows: [Sweep.Row] = []
      for model in PaperComparison.models {
        let sweep = try sweep(choice.preset, systems, try modelShape(model), pool)
        let earlier = (kept?.earlier ?? []).filter { $0.choice == choice.rawValue }.map(\.row)
        let isKept = Set(earlier)
        let own = Result { () throws(SimulationError) in
          try sweep.run(
            workers: workers.threads, earlier: earlier, isStopped: { interruption.isRequested }
          ) { rows in
            let new = rows.filter { !isKept.contains($0) }.map {
              ChosenRow(choice: choice.rawValue, row: $0)
            }
            if !new.isEmpty { kept?.add(new) }
            bar.withLock { bar in
              bar.done += rows.count
              bar.bar.update(bar.done)
            }
          }
        }
        if interruption.isRequested { break }
        switch own {
        case .success(let own): rows += own
        case .failure(let problem):
          bar.withLock { $0.bar.clear() }
          complain("moecast: \(model) is left out of \(choice.rawValue): \(problem)")
        }
      }
      // Ratios of a part of the configurations would not be the paper's.
      if interruption.isRequested { break }
      lines += PaperComparison(rows, systems: names).numbers.map {
        Line(choice: choice, number: $0)
      }
      if let figures {
        try PaperFigures(rows, systems: names).write(
          into: figures, choice.rawValue, inputs: tokens.traces, force)
      }
    }
    bar.withLock { $0.bar.clear() }
    let told = choices.filter { choice in lines.contains { $0.choice == choice } }
    try printing.print(
      Report(Self.columns, lines), to: &output, table: [Self.table(lines, told)])
    try kept?.finish()
    try interruption.check(
      "after \(told.count) of \(counted(choices.count, "set")) of choices; "
        + (resume.map { "the same with --resume \($0) goes on from there" }
          ?? "--resume FILE would have kept what was run"))
  }

  /// What is kept of a run.
  private struct ChosenRow: Codable, Sendable {
    let choice: String
    let row: Sweep.Row
  }

  /// The paper's strategies alone, with one model in its weights.
  private func sweep(
    _ preset: PaperPreset?, _ systems: [SystemDescription], _ model: ModelShape, _ pool: RequestPool
  ) throws -> Sweep {
    var sweep = Sweep(
      systems: systems.map(\.hardware), workloads: [try pool.workload(as: model, preset?.format)])
    sweep.batches = PaperComparison.batches
    if let steps = preset?.steps { (sweep.steps, sweep.warmSteps) = steps }
    preset?.apply(to: &sweep.options)
    sweep.forecasts = []
    return sweep
  }

  /// One number by one set of choices.
  struct Line {
    let choice: Choices
    let number: PaperComparison.Number
  }

  static let columns: [Column<Line>] = [
    .text("choices", nil) { $0.choice.rawValue },
    .text("number", nil) { $0.number.what },
    .number("paper", nil, places: 3) { $0.number.paper },
    .number("own", nil, places: 3) { $0.number.own },
    .number("error", nil, places: 3) { $0.number.error },
  ]

  /// A line a number; each set of choices has two columns, ours and how far it is off.
  private static func table(_ lines: [Line], _ choices: [Choices]) -> TableLayout {
    let numbers = lines.filter { $0.choice == choices.first }.map(\.number)
    let heading = ["number", "paper"] + choices.flatMap { [$0.rawValue, "off %"] }
    let rows = numbers.indices.map { index in
      let places = numbers[index].paper < 1 ? 3 : 2
      return [numbers[index].what, decimals(numbers[index].paper, places)]
        + choices.flatMap { choice -> [String] in
          let number = lines.filter { $0.choice == choice }[index].number
          return [
            number.own.map { decimals($0, places) } ?? "-",
            number.error.map { decimals(100 * $0, 0) } ?? "-",
          ]
        }
    }
    return TableLayout([heading] + rows, isLeft: heading.indices.map { $0 == 0 })
  }
}
