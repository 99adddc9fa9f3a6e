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
    let bar = Mutex(ProgressBar(total: nil, unit: "runs"))
    var done = 0
    for choice in choices {
      let names = PaperComparison.wafers + [PaperComparison.enhanced]
      let systems = try moecast.systems(
        names.joined(separator: ","), overrides: choice.preset?.overrides ?? [])
      var rows: [Sweep.Row] = []
      for model in PaperComparison.models {
        let sweep = try sweep(choice.preset, systems, try modelShape(model), pool)
        let earlier = done
        let own = Result { () throws(SimulationError) in
          try sweep.run(workers: workers.threads) { count in
            bar.withLock { $0.update(earlier + count) }
          }
        }
        done += sweep.count
        switch own {
        case .success(let own): rows += own
        case .failure(let problem):
          bar.withLock { $0.clear() }
          complain("moecast: \(model) is left out of \(choice.rawValue): \(problem)")
        }
      }
      lines += PaperComparison(rows, systems: names).numbers.map {
        Line(choice: choice, number: $0)
      }
      if let figures {
        try PaperFigures(rows, systems: names).write(
          into: figures, choice.rawValue, inputs: tokens.traces, force)
      }
    }
    bar.withLock { $0.clear() }
    try printing.print(
      Report(Self.columns, lines), to: &output, table: Self.table(lines, choices))
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
  private static func table(_ lines: [Line], _ choices: [Choices]) -> String {
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
    return aligned([heading] + rows, isLeft: heading.indices.map { $0 == 0 })
  }
}
