import ArgumentParser
import DurableFile
import Export
import ModelFile
import Prequential
import RoutingTrace

/// `moecast export`: a model or traces in other programs' formats.
struct ExportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "export",
    abstract: "Writes a model's tables, or traces, for simulators, engines and scripts.",
    discussion: """
      Of a model (--model):
      \(formats(.model))

      Of traces:
      \(formats(.trace))

      A folder is new or empty, and appears whole or not at all. With --prefetches what a model \
      would prefetch while the trace goes by is written beside it (OUTPUT.prefetches.csv or .txt): \
      of each forecast the experts, and the number of the access before which it is made. The model \
      stays as it was trained unless --learn is given.

      Other commands write too: the forecasts themselves `moecast forecast`, a timeline of the wafer \
      for Chrome and Perfetto `moecast simulate strategies --engine event --timeline`.

      Examples:
        moecast export --model model.h5 -o tables.npz
        moecast export --to npz -o requests trace.moe.lz4
        moecast export -o a.oracleGeneral --prefetches model.h5 trace.moe.lz4
      """)

  /// A line an exporter.
  private static func formats(_ source: ExportSource) -> String {
    Exporters.of(source).map { "  \($0.name): \($0.summary)" }.joined(separator: "\n")
  }

  @Argument(
    help: ArgumentHelp("Traces (*.moe.lz4), folders of them, or -.", valueName: "trace"),
    completion: .file())
  var traces: [String] = []

  @Option(help: ArgumentHelp("The model file, in place of traces.", valueName: "file"))
  var model: String?

  @Option(
    name: .customLong("to"),
    help: ArgumentHelp("The format; that of the output's suffix unless given.", valueName: "name"))
  var format: String?

  @Option(
    name: .shortAndLong,
    help: "The file, or the new folder, to write; - for standard output where it is one file.")
  var output: String

  @OptionGroup(title: "Options of some formats") var options: ExportOptions

  @OptionGroup var force: ForceOption

  func validate() throws {
    guard traces.isEmpty == (model != nil) else {
      throw ValidationError(
        traces.isEmpty
          ? "name traces, or give --model FILE"
          : "give --model FILE or traces, not both; --prefetches is the model beside a trace")
    }
    let exporter = try exporter()
    try options.refuseIdle(for: exporter)
    if exporter.target == .folder {
      guard output != StandardStream.dash else {
        throw ValidationError("--to \(exporter.name) writes a folder; name it with -o")
      }
      try refuse(
        [("--force", force.force)], unless: false, "a folder that is written is new or empty")
    }
    if output == StandardStream.dash, exporter.target == .pair || options.prefetches != nil {
      throw ValidationError(
        (exporter.target == .pair ? "--to \(exporter.name)" : "--prefetches")
          + " writes a second file beside the output; name the output with -o")
    }
    if let exporter = exporter as? any TraceExporter.Type, exporter.readsTwice,
      traces.contains(StandardStream.dash)
    {
      throw ValidationError(
        "--to \(exporter.name) reads the trace twice, which standard input cannot be; name a file")
    }
  }

  func run() throws {
    let exporter = try exporter()
    if let tables = exporter as? any TableExporter.Type, let model {
      let destination = try ExportDestination(
        output, for: exporter, inputs: [model], force: force)
      try tables.write(
        try Checkpoint.read(model).learner, try options.settings(), to: destination)
      try destination.commit()
    } else if let exporter = exporter as? any TraceExporter.Type {
      try export(by: exporter)
    }
  }

  /// Writes the traces.
  private func export(by kind: any TraceExporter.Type) throws {
    let settings = try options.settings()
    let interruption = Interruption()
    let stream = try interruption.stream(traces)
    let destination = try ExportDestination(
      output, for: kind, inputs: stream.files + [options.prefetches].compactMap(\.self),
      force: force)
    var exporter = try kind.init(stream.header, settings)
    if kind.readsTwice {
      var pass = StreamPass(interruption)
      pass.consume(try interruption.stream(traces)) { try exporter.survey($0.block) }
      try pass.finish("nothing was written", isTold: false)
    }
    var pass = StreamPass(interruption)
    pass.consume(stream) { try exporter.add($0.block, to: destination) }
    try pass.finish("nothing was written")
    try exporter.finish(to: destination)
    try destination.commit()
    for omission in exporter.omissions { complain("moecast: \(output): \(omission)") }
  }

  /// The format of `--to`, else that of the output's suffix.
  ///
  /// - Throws: `ValidationError` naming those that there are.
  private func exporter() throws -> any Exporter.Type {
    let source = model == nil ? ExportSource.trace : .model
    let names = Exporters.of(source).map { $0.name }.joined(separator: ", ")
    guard let format else {
      guard let exporter = Exporters.writing(output, of: source) else {
        throw ValidationError(
          "the suffix of \(output) is no format's of \(source.rawValue); give --to one of \(names)")
      }
      return exporter
    }
    if let exporter = Exporters.named(format, of: source) { return exporter }
    let other = source == .model ? ExportSource.trace : .model
    throw ValidationError(
      Exporters.named(format, of: other) == nil
        ? "--to \(format) is not known; of \(source.rawValue) there are \(names)"
        : "--to \(format) is made of \(other.rawValue); "
          + (other == .model ? "give --model FILE in place of traces" : "name traces, not a model"))
  }
}
