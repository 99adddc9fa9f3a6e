import ArgumentParser
import Placement

/// `-o` and `--to`: the placement as a file.
struct PlaceFile: ParsableArguments {
  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("Write the placement of the only algorithm there.", valueName: "file"))
  var output: String?

  @OptionGroup var force: ForceOption

  func check(_ rules: [PlacementRule], batches: Int, isReplaced: Bool) throws {
    try refuse([("--force", force.force)], unless: output != nil, "nothing is written without -o")
    try refuse([("-o", output != nil)], unless: !isReplaced, "with --every there is no one placement")
    guard output == nil || (rules.count == 1 && batches == 1) else {
      throw ValidationError("-o writes one placement; name one --algorithm and one --batch")
    }
  }

  func write(
    _ placed: (map: SlotMap, evidence: PlacementEvidence, words: String), _ run: PlaceRun,
    inputs: [String]
  ) throws {
    // TODO files
  }
}
