import ArgumentParser
import Placement

/// `-o` and `--to`: the placement as a file.
struct PlaceFile: ParsableArguments {
  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("Write the placement of the only algorithm there.", valueName: "file"))
  var output: String?

  @Option(
    name: .customLong("to"),
    help: ArgumentHelp(
      "The format; unless given the first that ends as the output does.", valueName: "name"))
  var format: String?

  @OptionGroup var force: ForceOption

  func check(_ rules: [PlacementRule], batches: Int, isReplaced: Bool) throws {
    try refuse(
      [("--to", format != nil), ("--force", force.force)], unless: output != nil,
      "nothing is written without -o")
    try refuse(
      [("-o", output != nil)], unless: !isReplaced, "with --every there is no one placement")
    guard let output else { return }
    guard rules.count == 1, batches == 1 else {
      throw ValidationError("-o writes one placement; name one --algorithm and one --batch")
    }
    _ = try format(of: output)
  }

  private func format(of output: String) throws -> any PlacementFormat.Type {
    let names = PlacementFormats.all.map { $0.name }.joined(separator: ", ")
    if let format {
      guard let named = PlacementFormats.named(format) else {
        throw ValidationError("--to '\(format)' is none of \(names)")
      }
      return named
    }
    guard let suiting = PlacementFormats.all.first(where: { output.hasSuffix($0.suffix) }) else {
      throw ValidationError("the suffix of \(output) is no format's; give --to one of \(names)")
    }
    return suiting
  }

  /// Writes a placement.
  ///
  /// - Parameter inputs: files that may not be replaced.
  /// - Throws: `FileError`; `PlacementError` where the format cannot hold it.
  func write(_ placed: PlacedModel, inputs: [String]) throws {
    guard let output else { return }
    let bytes = try format(of: output).bytes(of: placed)
    let sink = try OutputSink(output, .placement(inputs: inputs, force: force))
    try sink.write(bytes)
    try sink.commit()
  }
}
