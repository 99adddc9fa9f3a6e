import ArgumentParser
import DurableFile
import ModelFile

/// `moecast export`: a model's tables for simulators and scripts.
struct ExportTables: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Writes a model's tables for simulators and scripts.",
    discussion: """
      npz: NumPy's archive of uint32 arrays: c[l, j] counts expert j in MoE layer l, C[l, i, j] \
      counts j in layer l after i in the layer before, D[l, i, j] counts j after i at the token \
      before, and model_layers[l] is the model's number of the layer.
      csv: one line a count over 0: table,layer,given_layer,given_expert,expert,count, layers by the \
      model's numbers.

      Example:
        moecast export --model model.h5 --to npz -o tables.npz
      """)

  @Option(help: ArgumentHelp("The model file.", valueName: "file"))
  var model: String

  @Option(name: .customLong("to"), help: "The format: npz or csv.")
  var format: String

  @Option(name: .shortAndLong, help: "The file to write, or - for standard output.")
  var output: String

  @OptionGroup var force: ForceOption

  func validate() throws {
    guard TableExport(rawValue: format) != nil else {
      throw ValidationError(
        "--to \(format) is not known; one of "
          + TableExport.allCases.map(\.rawValue).joined(separator: ", "))
    }
  }

  func run() throws {
    guard let format = TableExport(rawValue: format) else { return }
    let sink = try OutputSink(output, .tables(format, inputs: [model], force: force))
    try format.write(try Checkpoint.read(model).learner) { try sink.write($0) }
    try sink.commit()
  }
}
