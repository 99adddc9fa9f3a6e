import ArgumentParser
import ModelFile
import Prequential

/// `moecast merge`: one model of those that were trained on shards.
struct MergeModels: PrintingCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge",
    abstract: "Makes one model of those that were trained on shards of a stream.",
    discussion: """
      Counts add up exactly; weights and stored paths of mixtures are averaged and shared out by \
      tokens. The order in which models are named changes nothing; merge all shards at once rather \
      than merges of them. A shard that was given twice is noticed by the digests of its chunks. \
      Requests do not go on from one shard to the next, and the shards' accuracy is not the merged \
      model's: `moecast evaluate` measures that. A model that is there already stays as FILE.1.

      Example:
        moecast merge shard-1.h5 shard-2.h5 shard-3.h5 -o all.h5
      """)

  @Argument(
    help: ArgumentHelp("The models to merge.", valueName: "model"), completion: .file())
  var models: [String]

  @Option(
    name: .shortAndLong, help: ArgumentHelp("The model to write.", valueName: "file"),
    completion: .file())
  var output: String

  @Flag(help: "Write the model without a lock, where the file system keeps none.")
  var noLock = false

  @OptionGroup var force: ForceOption

  @Flag(help: "Print one JSON object about the merged model.")
  var json = false

  func run(printing standardOutput: inout StandardOutput) throws {
    let file = try CheckpointFile(
      output, inputs: models, isForced: force.force, isLocked: !noLock)
    for warning in file.warnings { complain("moecast: \(warning)") }
    try file.write(try Merge.files(models))
    let facts = try ModelFacts(of: output)
    try standardOutput.report(json, facts, facts)
  }
}
