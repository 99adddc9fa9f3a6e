import ArgumentParser

/// The options that `train`, `evaluate` and `compare` share: which recall is measured, what of it
/// is printed, and how many cores there are.
struct AccuracyOptions: ParsableArguments {
  @Option(
    name: .customLong("recall-at"),
    help: ArgumentHelp("The n of recall@n with commas; default 1, k, 2k, 4k.", valueName: "n,..."))
  var recallList: String?

  @OptionGroup var workers: WorkerOptions

  @Option(help: "Stage that the table shows: prefill, decode or all; default each of them.")
  var stage: String?

  @Flag(help: "Print accuracy a layer too.")
  var perLayer = false

  @Flag(help: "Print one JSON object instead of tables.")
  var json = false

  /// The n asked for, ascending; nil for the default.
  var recallAt: [Int]? {
    recallList.map { Set($0.split(separator: ",").compactMap { Int($0) }).sorted() }
  }

  /// Refuses what `--json` would not heed: it has all stages and layers.
  func refuseIdle() throws {
    try refuse(
      [("--stage", stage != nil), ("--per-layer", perLayer)], unless: !json,
      "--json has every stage and layer")
  }

  func validate() throws {
    if let recallList {
      let words = recallList.split(separator: ",", omittingEmptySubsequences: false)
      guard words.allSatisfy({ Int($0).map { $0 > 0 } ?? false }) else {
        throw ValidationError("--recall-at takes numbers from 1 with commas, not '\(recallList)'")
      }
    }
    let stages = AccuracyReport.stages.map(\.name)
    guard stage.map(stages.contains) ?? true else {
      throw ValidationError("--stage is one of " + stages.joined(separator: ", "))
    }
  }
}

/// The options of the lines that `train` and `evaluate` print on the way; `compare` prints none.
struct ProgressOptions: ParsableArguments {
  @Option(help: "Chunks between lines of progress; default after 1, 2, 4, 8, ...")
  var every: Int?

  @Flag(help: "Print no lines of progress.")
  var quiet = false

  func validate() throws {
    guard every ?? 1 > 0 else { throw ValidationError("--every must be at least 1") }
  }
}
