import ArgumentParser
import DurableFile
import Export
import ModelFile

/// `moecast export`: a model's tables for simulators and scripts.
struct ExportTables: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Writes a model's tables for simulators and scripts.",
    discussion: """
      \(formats)

      Example:
        moecast export --model model.h5 --to npz -o tables.npz
      """)

  /// A line an exporter.
  private static var formats: String {
    TableExporters.all.map { "\($0.name): \($0.summary)" }.joined(separator: "\n")
  }

  @Option(help: ArgumentHelp("The model file.", valueName: "file"))
  var model: String

  @Option(
    name: .customLong("to"), help: "The format: \(TableExporters.names.joined(separator: " or ")).")
  var format: String

  @Option(name: .shortAndLong, help: "The file to write, or - for standard output.")
  var output: String

  @OptionGroup var force: ForceOption

  func validate() throws {
    guard TableExporters.named(format) != nil else {
      throw ValidationError(
        "--to \(format) is not known; one of "
          + TableExporters.names.joined(separator: ", "))
    }
  }

  func run() throws {
    guard let exporter = TableExporters.named(format) else { return }
    let sink = try OutputSink(output, .tables(exporter, inputs: [model], force: force))
    try exporter.write(try Checkpoint.read(model).learner) { try sink.write($0) }
    try sink.commit()
  }
}
