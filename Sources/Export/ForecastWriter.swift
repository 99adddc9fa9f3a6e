import Prequential
import RoutingTrace

/// A format that forecasts are written in, for people's scripts and for simulators.
///
/// ```swift
/// var writer = ForecastJSONLines(shape: learner.shape)
/// try pass.consume(block) { forecast in try writer.add(forecast) { try file.write(contentsOf: $0) } }
/// try writer.finish { try file.write(contentsOf: $0) }
/// ```
///
/// Layers are written by the model's own numbers. Each format is a type in a file of its own; its
/// place in ``ForecastFormats/all`` is all that the program needs to know of it.
public protocol ForecastWriter: SendableMetatype {
  /// The name on the command line, and the suffix of its files.
  static var name: String { get }

  /// What stands in the file, for people; one line.
  static var summary: String { get }

  /// How every file of the format begins.
  static var beginning: [UInt8] { get }

  /// - Parameters:
  ///   - shape: of the model that forecasts.
  ///   - top: experts told of an event at most.
  init(shape: TraceShape, top: Int)

  /// Adds an event's forecast.
  ///
  /// - Throws: what `sink` throws, or ``ExportError``.
  mutating func add(
    _ forecast: RankedForecast, to sink: (UnsafeRawBufferPointer) throws -> Void) throws

  /// Hands on what waits.
  ///
  /// - Throws: what `sink` throws, or ``ExportError``.
  mutating func finish(to sink: (UnsafeRawBufferPointer) throws -> Void) throws
}

/// The formats of forecasts there are.
public enum ForecastFormats {
  /// In the order in which the program's help lists them.
  public static let all: [any ForecastWriter.Type] = [
    ForecastJSONLines.self, ForecastCSV.self, ForecastNPZ.self,
  ]

  /// Their names.
  public static var names: [String] { all.map { $0.name } }

  /// The format of this name.
  public static func named(_ name: String) -> (any ForecastWriter.Type)? {
    all.first { $0.name == name }
  }
}
