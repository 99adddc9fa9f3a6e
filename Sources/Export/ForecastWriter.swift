import Demand
import Prequential
import RoutingTrace

/// A format that forecasts are written in, for people's scripts and for simulators.
///
/// ```swift
/// var writer = ForecastJSONLines(shape: learner.shape, top: 16)
/// try pass.consume(block) { forecast in try writer.add(forecast) { try file.write(contentsOf: $0) } }
/// try writer.finish { try file.write(contentsOf: $0) }
/// ```
///
/// A file is of events or of batches, never of both. Layers are written by the model's own numbers.
/// Each format is a type in a file of its own; its place in ``ForecastFormats/all`` is all that the
/// program needs to know of it.
public protocol ForecastWriter: SendableMetatype {
  /// The name on the command line, and the suffix of its files.
  static var name: String { get }

  /// What stands in the file, for people; one line.
  static var summary: String { get }

  /// How files of the format begin, those of events and those of batches.
  static var beginnings: [[UInt8]] { get }

  /// - Parameters:
  ///   - shape: of the model that forecasts.
  ///   - top: experts told of a forecast at most.
  ///   - batch: requests of a batch where batches are forecast; nil for events.
  init(shape: TraceShape, top: Int, batch: Int?)

  /// Adds an event's forecast.
  ///
  /// - Throws: what `sink` throws, or ``ExportError``.
  mutating func add(
    _ forecast: RankedForecast, to sink: (UnsafeRawBufferPointer) throws -> Void) throws

  /// Adds a batch's forecast.
  ///
  /// - Throws: what `sink` throws, or ``ExportError``.
  mutating func add(
    _ forecast: BatchForecast, to sink: (UnsafeRawBufferPointer) throws -> Void) throws

  /// Hands on what waits.
  ///
  /// - Throws: what `sink` throws, or ``ExportError``.
  mutating func finish(to sink: (UnsafeRawBufferPointer) throws -> Void) throws
}

extension ForecastWriter {
  /// A writer of events' forecasts.
  public init(shape: TraceShape, top: Int) { self.init(shape: shape, top: top, batch: nil) }
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

/// What every forecast tells, be it an event's or a batch's.
protocol ToldForecast {
  /// The MoE layer's ordinal, from 0.
  var layer: Int { get }
  /// How many layers ahead it was made.
  var horizon: Int { get }
  /// Best first.
  var experts: [UInt16] { get }
  /// Their probabilities.
  var chances: [Float] { get }
  /// What was chosen.
  var chosen: [UInt16] { get }
}

extension RankedForecast: ToldForecast {}
extension BatchForecast: ToldForecast {}
