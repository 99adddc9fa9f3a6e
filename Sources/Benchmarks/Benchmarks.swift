import ArgumentParser

/// `moecast-bench`: the program's hot paths beside what the machine can do.
///
/// Both run in turns in one process, so that a noisy machine slows both; ratios are those of
/// medians.
@main
struct Benchmarks: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "moecast-bench",
    abstract: "Measures the program's hot paths beside the machine's ceilings.",
    discussion: """
      Example:
        moecast-bench --rounds 9 --only learn,decode
      """)

  @Option(help: "Rounds; medians are printed.")
  var rounds = 9

  @Option(
    help: "Groups to run, with commas: \(Group.allCases.map(\.rawValue).joined(separator: ", ")).")
  var only: String?

  @Option(help: "The program whose start and memory are measured.")
  var program = ".build/release/moecast"

  @Option(help: "Megabytes of chunks that the long run for memory reads.")
  var megabytes = 2000

  enum Group: String, CaseIterable {
    case update, learn, decode, write, imports, cores, chunks, mixture, sessions, analysis, model,
      wafer, placement, process
  }

  func run() throws {
    let groups =
      only.map { $0.split(separator: ",").compactMap { Group(rawValue: String($0)) } }
      ?? Group.allCases
    let clock = Rounds(count: rounds)
    let shapes = try SyntheticTrace.all()
    let table = ResultTable()
    table.begin()
    for group in groups {
      switch group {
      case .update: for trace in shapes { try table.add(update(trace, clock)) }
      case .learn:
        for trace in shapes {
          for row in try testThenTrain(trace, clock) { table.add(row) }
        }
      case .decode: for trace in shapes { for row in try decode(trace, clock) { table.add(row) } }
      case .write: for trace in shapes { try table.add(write(trace, clock)) }
      case .imports: for row in try imports(clock) { table.add(row) }
      case .cores: try table.add(cores(shapes[0], clock))
      case .chunks: for row in try chunkSizes(shapes[0], clock) { table.add(row) }
      case .mixture:
        for trace in shapes.dropFirst() {
          try table.add(mixtureCeiling("mixture-fast", trace, clock))
        }
        try table.add(mixtureCeiling("mixture", shapes[3], clock))
        for row in try mixture(shapes[3], clock) { table.add(row) }
      case .sessions:
        for trace in [shapes[3], shapes[0]] { for row in try sessions(trace) { table.add(row) } }
      case .analysis:
        for trace in shapes { for row in try analysis(trace, clock) { table.add(row) } }
      case .model: for row in try model(shapes[0], clock) { table.add(row) }
      case .wafer: for row in try wafer(clock) { table.add(row) }
      case .placement: for row in try placement(clock) { table.add(row) }
      case .process:
        for row in try process(shapes[0], program: program, megabytes: megabytes, clock) {
          table.add(row)
        }
      }
    }
  }
}
