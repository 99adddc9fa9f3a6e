import DurableFile
import Export
import ModelFile
import PathText
import RoutingTrace
import SystemPackage

/// What each command's output may replace; see `OutputRule`.
extension OutputRule {
  /// A trace, for a command that reads `inputs`.
  static func trace(inputs: [String], force: ForceOption) -> OutputRule {
    OutputRule(kind: "a moecast trace", inputs, force) { path in
      (try? TraceFile(path.text)).map { (try? TraceReader($0, name: $0.name)) != nil } ?? false
    }
  }

  /// Tables of a model.
  static func tables(_ format: any TableExporter.Type, inputs: [String], force: ForceOption)
    -> OutputRule
  {
    OutputRule(kind: "tables as \(format.name)", inputs, force) { path in
      beginning(of: path).starts(with: format.beginning)
    }
  }

  /// A page of `analyze`.
  static func page(inputs: [String], force: ForceOption) -> OutputRule {
    OutputRule(kind: "a page of moecast", inputs, force) { path in
      String(decoding: beginning(of: path), as: UTF8.self).contains(AnalysisPage.generator)
    }
  }

  private init(
    kind: String, _ inputs: [String], _ force: ForceOption, isOfKind: @escaping (FilePath) -> Bool
  ) {
    self.init(
      kind: kind,
      inputs: inputs.filter { $0 != StandardStream.dash }.map { FilePath(text: $0) },
      standardInput: inputs.contains(StandardStream.dash), isForced: force.force,
      isOfKind: isOfKind)
  }

  /// The first bytes of a file, at most 512.
  private static func beginning(of path: FilePath) -> [UInt8] {
    guard let file = try? FileDescriptor.open(path, .readOnly, options: .closeOnExec) else {
      return []
    }
    defer { try? file.close() }
    var bytes = [UInt8](repeating: 0, count: 512)
    let count = (try? bytes.withUnsafeMutableBytes { try file.read(into: $0) }) ?? 0
    return Array(bytes.prefix(count))
  }
}
