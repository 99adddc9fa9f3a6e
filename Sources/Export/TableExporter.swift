import Prequential

/// A format that a model's tables are written in, for simulators and scripts.
///
/// ```swift
/// guard let exporter = TableExporters.named("npz") else { return }
/// try exporter.write(learner) { bytes in try file.write(contentsOf: bytes) }
/// ```
///
/// An exporter is a type in a file of its own; its place in ``TableExporters/all`` is all that the
/// program needs to know of it.
public protocol TableExporter: SendableMetatype {
  /// The name on the command line.
  static var name: String { get }

  /// What the tables are, for people; one line.
  static var summary: String { get }

  /// The first bytes of every file in the format, by which one may be replaced by another.
  static var beginning: [UInt8] { get }

  /// Hands the bytes of `learner`'s tables to `sink`, piece by piece; the same for the same
  /// learner.
  ///
  /// - Throws: what `sink` throws, or ``ExportError``.
  static func write(
    _ learner: Learner, to sink: (UnsafeRawBufferPointer) throws -> Void
  ) throws
}

/// The exporters there are.
public enum TableExporters {
  /// In the order in which the program's help lists them.
  public static let all: [any TableExporter.Type] = [NPZTables.self, CSVTables.self]

  /// Their names.
  public static var names: [String] { all.map { $0.name } }

  /// The exporter of this name.
  public static func named(_ name: String) -> (any TableExporter.Type)? {
    all.first { $0.name == name }
  }
}

/// A table that does not fit the format.
public struct ExportError: Error, Hashable, CustomStringConvertible {
  /// Which table, and why.
  public let problem: String
  /// What to do instead.
  public let remedy: String

  /// Both on one line.
  public var description: String { "\(problem); \(remedy)" }
}
