import Prequential
import RoutingTrace

/// A format that `moecast export` writes, from a model or from a trace.
///
/// An exporter is a type in a file of its own, a ``TableExporter`` or a ``TraceExporter``; its place
/// in ``Exporters/all`` is all that the program needs to know of it. Two may share a name where one
/// is of models and the other of traces.
public protocol Exporter: SendableMetatype {
  /// The name on the command line.
  static var name: String { get }

  /// What is written, for people, and who reads it; one line.
  static var summary: String { get }

  /// How the names of its outputs end, by which it is chosen where none is named.
  static var suffixes: [String] { get }

  /// Whether a file is written, or several.
  static var target: ExportTarget { get }

  /// The options that it heeds; any other is refused.
  static var heeds: Set<ExportOption> { get }

  /// Whether a file that begins so may be of the format, and be replaced by another.
  ///
  /// - Parameter file: which of the format's files, as of ``ExportOutput/write(_:to:)``.
  static func mayBegin(_ head: [UInt8], of file: String) -> Bool

  /// Whether a whole file that may be of the format is; nil where its beginning tells.
  static var isOne: (@Sendable ([UInt8]) -> Bool)? { get }
}

extension Exporter {
  /// The beginning tells.
  public static var isOne: (@Sendable ([UInt8]) -> Bool)? { nil }
}

extension Exporter {
  /// A file.
  public static var target: ExportTarget { .file }
  /// None.
  public static var heeds: Set<ExportOption> { [] }
}

/// What an exporter writes.
public enum ExportTarget: Sendable {
  /// A file; with options some have a second one beside it.
  case file
  /// A file and a second one beside it.
  case pair
  /// A folder of files, which is new.
  case folder
}

/// Where an exporter's files go.
public protocol ExportOutput: AnyObject {
  /// Appends bytes to a file, which the first of them make.
  ///
  /// - Parameter file: of a folder, the file's name; of a file, ``ExportFile/output`` or what its
  ///   name has behind it for a second one.
  func write(_ bytes: UnsafeRawBufferPointer, to file: String) throws

  /// Says that a file of a folder is whole.
  func close(_ file: String) throws
}

/// Names of an exporter's files.
public enum ExportFile {
  /// The output itself.
  public static let output = ""
}

extension ExportOutput {
  /// Writes all of a text or of bytes.
  func write(_ bytes: [UInt8], to file: String = ExportFile.output) throws {
    try bytes.withUnsafeBytes { try write($0, to: file) }
  }
}

/// A format that a model's tables are written in, for simulators and scripts.
///
/// ```swift
/// guard let exporter = Exporters.named("npz", of: .model) as? any TableExporter.Type else { return }
/// try exporter.write(learner, ExportSettings(), to: output)
/// ```
public protocol TableExporter: Exporter {
  /// Writes `learner`'s tables; the same bytes for the same learner.
  ///
  /// - Throws: what `output` throws, or ``ExportError``.
  static func write(
    _ learner: Learner, _ settings: ExportSettings, to output: any ExportOutput) throws
}

/// A format that traces are written in, chunk by chunk.
///
/// ```swift
/// var exporter = try AccessCSV(stream.header, ExportSettings())
/// while let chunk = try stream.next() { try exporter.add(chunk.block, to: output) }
/// try exporter.finish(to: output)
/// ```
public protocol TraceExporter: Exporter {
  /// Whether the trace is read twice: every block is surveyed before the first is added.
  static var readsTwice: Bool { get }

  /// An exporter of traces with this header.
  ///
  /// - Throws: ``ExportError`` where settings do not fit.
  init(_ header: TraceHeader, _ settings: ExportSettings) throws

  /// Looks at a block that will be added.
  mutating func survey(_ block: TokenBlock) throws

  /// Adds the next block.
  ///
  /// - Throws: what `output` throws, or ``ExportError``.
  mutating func add(_ block: TokenBlock, to output: any ExportOutput) throws

  /// Writes what waits.
  ///
  /// - Throws: what `output` throws, or ``ExportError``.
  mutating func finish(to output: any ExportOutput) throws

  /// What of the trace the format has no place for, for people, once all is added.
  var omissions: [String] { get }
}

extension TraceExporter {
  /// Once.
  public static var readsTwice: Bool { false }
  /// Nothing to look for.
  public mutating func survey(_ block: TokenBlock) throws {}
  /// Nothing.
  public var omissions: [String] { [] }
}

/// What an export is made of.
public enum ExportSource: String, Sendable {
  /// What a model has learnt.
  case model = "a model"
  /// What happened.
  case trace = "a trace"
}

/// The exporters there are.
public enum Exporters {
  /// In the order in which the program's help lists them.
  public static let all: [any Exporter.Type] = [
    NPZTables.self,
    CSVTables.self,
    JSONTables.self,
    HDF5Tables.self,
    PredictionTable.self,
    RequestNPZ.self,
    TraceNPY.self,
    OracleGeneral.self,
    AccessCSV.self,
    ChampSimLoads.self,
    ChakraTrace.self,
    GateStatistics.self,
  ]

  /// What an exporter's output is made of.
  public static func source(of exporter: any Exporter.Type) -> ExportSource {
    exporter is any TableExporter.Type ? .model : .trace
  }

  /// The exporters of a source.
  public static func of(_ source: ExportSource) -> [any Exporter.Type] {
    all.filter { self.source(of: $0) == source }
  }

  /// The exporter of this name.
  public static func named(_ name: String, of source: ExportSource) -> (any Exporter.Type)? {
    of(source).first { $0.name == name }
  }

  /// The exporter whose outputs' names end as `output` does; the longest such end decides.
  public static func writing(_ output: String, of source: ExportSource) -> (any Exporter.Type)? {
    let fitting = of(source).flatMap { exporter in
      exporter.suffixes.filter { output.hasSuffix($0) }.map { (exporter, $0) }
    }
    return fitting.max { $0.1.utf8.count < $1.1.utf8.count }?.0
  }
}

/// What does not fit a format.
public struct ExportError: Error, Hashable, CustomStringConvertible {
  /// What, and why.
  public let problem: String
  /// What to do instead.
  public let remedy: String

  /// Both on one line.
  public var description: String { "\(problem); \(remedy)" }
}
