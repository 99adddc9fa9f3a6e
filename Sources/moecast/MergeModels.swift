import ArgumentParser
import ModelFile
import Prequential

/// `moecast merge`: the exact sum of models that were trained on shards.
struct MergeModels: PrintingCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge",
    abstract: "Adds up models that were trained on shards of a stream.",
    discussion: """
      Counts and metrics are integers, so any order and grouping gives the same file, byte for \
      byte. A shard that was given twice is noticed by the digests of its chunks. Requests do not \
      go on from one shard to the next. A model that is there already stays as FILE.1.

      Example:
        moecast merge shard-1.h5 shard-2.h5 shard-3.h5 -o all.h5
      """)

  @Argument(help: ArgumentHelp("The models to add up.", valueName: "model"))
  var models: [String]

  @Option(name: .shortAndLong, help: ArgumentHelp("The model to write.", valueName: "file"))
  var output: String

  @Flag(help: "Write the model without a lock, where the file system keeps none.")
  var noLock = false

  @OptionGroup var force: ForceOption

  @Flag(help: "Print one JSON object about the sum.")
  var json = false

  func run(printing standardOutput: inout StandardOutput) throws {
    let file = try CheckpointFile(
      output, inputs: models, isForced: force.force, isLocked: !noLock)
    for warning in file.warnings { complain("moecast: \(warning)") }
    try file.write(try Merge.files(models))
    let facts = try ModelFacts(of: output)
    try standardOutput.report(json, facts, facts.description)
  }
}
