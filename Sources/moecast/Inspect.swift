import ArgumentParser
import LoadProfile
import ModelFile
import RoutingTrace

/// `moecast inspect`: what is in a trace, checkpoint or model.
struct Inspect: PrintingCommand {
  static let configuration = CommandConfiguration(
    abstract: "Shows what is in a trace or model, and whether it is intact.",
    discussion: """
      Reads the whole file and checks every sum. The exit code is 1 where anything is damaged; \
      with --verify also where a trace has no index at its end, as one that is still being \
      written, or frames without checksums, as others write.

      --repair writes the whole chunks of a trace that was cut short or is damaged to a new file, \
      up to the first fault.

      Example:
        moecast inspect --verify trace.moe.lz4
        moecast inspect --repair whole.moe.lz4 cut-short.moe.lz4
        moecast inspect --verify model.h5
      """)

  @Argument(
    help: ArgumentHelp(
      "A trace (*.moe.lz4), a model or load profile (*.h5), or - for a trace.", valueName: "file"),
    completion: .file())
  var file: String

  @Flag(help: "Exit with 1 unless the file is whole too: a trace with its index and checksums.")
  var verify = false

  @Option(
    help: ArgumentHelp("Write a trace's whole chunks to this new file.", valueName: "file"))
  var repair: String?

  @OptionGroup var force: ForceOption

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    guard repair != nil || !force.force else {
      throw ValidationError("--force is for the file of --repair")
    }
  }

  func run(printing output: inout StandardOutput) throws {
    if file != StandardStream.dash, LoadProfile.isProfile(file) {
      guard repair == nil else { throw ValidationError("--repair is for traces") }
      let facts = LoadProfileFacts(try LoadProfile(path: file))
      return try output.report(json, facts, facts.description)
    }
    if file != StandardStream.dash, Checkpoint.isModel(file) {
      guard repair == nil else {
        throw ValidationError("--repair is for traces; a model falls back to an older checkpoint")
      }
      let facts = try ModelFacts(of: file)
      try output.report(json, facts, facts)
      if !facts.intact { throw ExitCode(1) }
      return
    }
    let facts: TraceFacts
    if let repair {
      facts = try mend(file, to: repair)
    } else {
      facts = try TraceFacts(of: file)
    }
    try output.report(json, facts, facts)
    // A repair has done what it was asked to do.
    if repair == nil, !facts.intact { throw ExitCode(1) }
    if verify, !(facts.intact && facts.complete && facts.checksums) { throw ExitCode(1) }
  }
  /// Writes the whole chunks of `file` to `output`, which appears only once they are all there.
  private func mend(_ file: String, to output: String) throws -> TraceFacts {
    let source = try TraceFile(file)
    var repair = try TraceRepair(source, name: source.name)
    let sink = try OutputSink(output, .trace(inputs: [file], force: force), isBinary: true)
    var bar = ProgressBar(total: source.size)
    defer { bar.clear() }
    let contents = try repair.write(to: sink) { bar.update($0) }
    try sink.commit()
    return TraceFacts(contents)
  }
}
