import Demand
import Prequential
import RoutingTrace

/// Forecasts as JSON lines, one an event, or one a batch and layer.
public struct ForecastJSONLines: ForecastWriter {
  /// The format on the command line, and its suffix.
  public static let name = "jsonl"
  /// What stands in the file, for people.
  public static let summary =
    "a JSON object a line and event: request, token, stage, layer, horizon, experts (best first), "
    + "chances, chosen; of batches step and requests in place of the first three"
  /// How files of the format begin.
  public static let beginnings = ["{\"request\": ", "{\"step\": "].map { Array($0.utf8) }

  private let modelLayers: [Int]
  private var lines = TextLines()

  /// A writer of no line yet.
  public init(shape: TraceShape, top: Int, batch: Int?) { modelLayers = shape.modelLayers }

  /// The line of a forecast, without its end; `chosen` only where it is known.
  ///
  /// - Parameter layer: the model's own number of the layer.
  public static func line(_ forecast: RankedForecast, layer: Int) -> String {
    "{\"request\": \(forecast.request), \"token\": \(forecast.position), "
      + "\"stage\": \"\(forecast.stage.name)\", " + told(forecast, layer)
  }

  /// The line of a batch's forecast; see ``line(_:layer:)-(RankedForecast,_)``.
  public static func line(_ forecast: BatchForecast, layer: Int) -> String {
    "{\"step\": \(forecast.step), \"requests\": \(forecast.requests), " + told(forecast, layer)
  }

  /// What stands at the end of every line.
  private static func told(_ forecast: some ToldForecast, _ layer: Int) -> String {
    var line = "\"layer\": \(layer), "
    line += "\"horizon\": \(forecast.horizon), \"experts\": [\(list(forecast.experts, ", "))], "
    line += "\"chances\": [\(list(forecast.chances, ", "))]"
    if !forecast.chosen.isEmpty { line += ", \"chosen\": [\(list(forecast.chosen, ", "))]" }
    return line + "}"
  }

  /// Adds an event's line.
  public mutating func add(
    _ forecast: RankedForecast, to sink: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    lines.add(Self.line(forecast, layer: modelLayers[forecast.layer]))
    try lines.flush(to: sink)
  }

  /// Adds a batch's line.
  public mutating func add(
    _ forecast: BatchForecast, to sink: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    lines.add(Self.line(forecast, layer: modelLayers[forecast.layer]))
    try lines.flush(to: sink)
  }

  /// Hands on what waits.
  public mutating func finish(to sink: (UnsafeRawBufferPointer) throws -> Void) throws {
    try lines.flush(beyond: 0, to: sink)
  }
}

/// Forecasts as a table, a line an event, or a line a batch and layer.
public struct ForecastCSV: ForecastWriter {
  /// The format on the command line, and its suffix.
  public static let name = "csv"
  /// What stands in the file, for people.
  public static let summary =
    "\(header): a line an event, lists parted by blanks; of batches step,requests in place of "
    + "the first three"
  /// How files of the format begin.
  public static let beginnings = [header, batchHeader].map { Array($0.utf8) }

  private static let header = "request,token,stage,layer,horizon,experts,chances,chosen"
  private static let batchHeader = "step,requests,layer,horizon,experts,chances,chosen"

  private let modelLayers: [Int]
  private var lines = TextLines()

  /// A writer of the header alone.
  public init(shape: TraceShape, top: Int, batch: Int?) {
    modelLayers = shape.modelLayers
    lines.add(batch == nil ? Self.header : Self.batchHeader)
  }

  /// Adds an event's line.
  public mutating func add(
    _ forecast: RankedForecast, to sink: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    lines.add(
      "\(forecast.request),\(forecast.position),\(forecast.stage.name)," + told(forecast))
    try lines.flush(to: sink)
  }

  /// Adds a batch's line.
  public mutating func add(
    _ forecast: BatchForecast, to sink: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    lines.add("\(forecast.step),\(forecast.requests)," + told(forecast))
    try lines.flush(to: sink)
  }

  /// What stands at the end of every line.
  private func told(_ forecast: some ToldForecast) -> String {
    "\(modelLayers[forecast.layer]),\(forecast.horizon),\(list(forecast.experts, " ")),"
      + "\(list(forecast.chances, " ")),\(list(forecast.chosen, " "))"
  }

  /// Hands on what waits.
  public mutating func finish(to sink: (UnsafeRawBufferPointer) throws -> Void) throws {
    try lines.flush(beyond: 0, to: sink)
  }
}

/// Values in one text.
private func list(_ values: [some CustomStringConvertible], _ separator: String) -> String {
  values.map(\.description).joined(separator: separator)
}
