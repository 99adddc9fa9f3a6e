import DurableFile
import Export
import PathText
import SystemPackage

/// The files of an export: one, with others beside it, or a new folder of them. Nothing of them
/// appears before ``commit()``.
final class ExportDestination: ExportOutput {
  /// Files that were begun.
  private var files: [String: OutputSink] = [:]
  /// In the order in which they were begun.
  private var order: [String] = []
  private let folder: DurableFolder?
  private let path: String
  /// Files that may not be replaced.
  private let inputs: [String]
  private let force: ForceOption
  private let exporter: any Exporter.Type

  /// - Parameters:
  ///   - path: the output, or `-`.
  ///   - inputs: files that may not be replaced.
  /// - Throws: `FileError` where something else stands there.
  init(
    _ path: String, for exporter: any Exporter.Type, inputs: [String], force: ForceOption
  ) throws {
    self.path = path
    self.exporter = exporter
    (self.inputs, self.force) = (inputs, force)
    folder = exporter.target == .folder ? try DurableFolder(FilePath(text: path)) : nil
    if folder == nil { try open(ExportFile.output) }
  }

  func write(_ bytes: UnsafeRawBufferPointer, to file: String) throws {
    if let folder { return try folder.append(bytes, to: file) }
    if files[file] == nil { try open(file) }
    try files[file]?.write(bytes)
  }

  func close(_ file: String) throws { try folder?.close(file) }

  /// Gives the files, or the folder, their names.
  ///
  /// - Throws: `FileError`.
  func commit() throws {
    try folder?.commit()
    // What stands beside the output comes first: whoever sees that finds them.
    for file in order.reversed() { try files[file]?.commit() }
  }

  private func open(_ file: String) throws {
    files[file] = try OutputSink(
      Self.name(of: file, beside: path),
      .export(of: exporter, file: file, inputs: inputs, force: force))
    order.append(file)
  }

  /// The path of a file that stands beside the output: a JSON file takes the place of its suffix,
  /// where that is another.
  private static func name(of file: String, beside path: String) -> String {
    guard file == ".json", let dot = path.lastIndex(of: "."),
      path[dot...] != file, !path[dot...].contains("/")
    else { return path + file }
    return path[..<dot] + file
  }
}
