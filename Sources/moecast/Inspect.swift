import ArgumentParser
import ModelFile
import RoutingTrace

/// `moecast inspect`: what is in a trace, checkpoint or model.
struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Shows what is in a trace or model, and whether it is intact.",
    discussion: """
      Reads the whole file and checks every sum. With --verify the exit code is 1 where anything is \
      damaged or missing.

      Example:
        moecast inspect --verify trace.moe.lz4
        moecast inspect --verify model.h5
      """)

  @Argument(
    help: ArgumentHelp(
      "A trace (*.moe.lz4), a model (*.h5), or - for a trace.", valueName: "file"))
  var file: String

  @Flag(help: "Exit with 1 unless the file is whole and intact.")
  var verify = false

  @Flag(help: "Print one JSON object.")
  var json = false

  func run() throws {
    if file != TraceFile.standardInput, Checkpoint.isModel(file) {
      let facts = try ModelFacts(of: file)
      print(json ? try moecast.json(facts) : facts.description)
      if verify, !facts.intact { throw ExitCode(1) }
      return
    }
    let facts = try TraceFacts(of: file)
    print(json ? try moecast.json(facts) : facts.description)
    if verify, !(facts.intact && facts.complete) { throw ExitCode(1) }
  }
}
