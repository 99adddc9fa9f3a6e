import Archive
import Demand
import Prequential
import RoutingTrace

/// Forecasts as a NumPy archive, a row an event, or a row a batch and layer.
public struct ForecastNPZ: ForecastWriter {
  /// The format on the command line, and its suffix.
  public static let name = "npz"
  /// What stands in the file, for people.
  public static let summary =
    "NumPy arrays, a row an event: ids and chances [events, n] (-1 and 0 behind the last), chosen "
    + "[events, k], request, token, stage (1 decode), layer, horizon; of batches step and requests "
    + "in place of request, token and stage, chosen [rows, n]; held in memory until the end"
  /// How files of the format begin.
  public static let beginnings = [Array("PK\u{3}\u{4}".utf8)]

  private let modelLayers: [Int]
  private let top: Int
  /// Experts that are chosen at most.
  private let most: Int
  private let isOfBatches: Bool
  private var ids: [Int32] = []
  private var chances: [Float] = []
  private var chosen: [Int32] = []
  private var layers: [Int32] = []
  private var horizons: [UInt8] = []
  // Of events.
  private var requests: [UInt64] = []
  private var tokens: [Int32] = []
  private var stages: [UInt8] = []
  // Of batches.
  private var steps: [Int32] = []
  private var sizes: [Int32] = []

  /// A writer of no row yet.
  public init(shape: TraceShape, top: Int, batch: Int?) {
    modelLayers = shape.modelLayers
    most = min(shape.experts, (batch ?? 1) * shape.topK)
    isOfBatches = batch != nil
    self.top = top
  }

  /// Adds an event's row.
  public mutating func add(
    _ forecast: RankedForecast, to sink: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    requests.append(forecast.request)
    tokens.append(Int32(clamping: forecast.position))
    stages.append(forecast.stage.rawValue)
    append(forecast)
  }

  /// Adds a batch's row.
  public mutating func add(
    _ forecast: BatchForecast, to sink: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    steps.append(Int32(clamping: forecast.step))
    sizes.append(Int32(clamping: forecast.requests))
    append(forecast)
  }

  /// Adds what every row has.
  private mutating func append(_ forecast: some ToldForecast) {
    layers.append(Int32(clamping: modelLayers[forecast.layer]))
    horizons.append(UInt8(clamping: forecast.horizon))
    append(forecast.experts.map(Int32.init), to: &ids, width: top, filling: -1)
    append(forecast.chances, to: &chances, width: top, filling: 0)
    append(forecast.chosen.map(Int32.init), to: &chosen, width: most, filling: -1)
  }

  /// Writes the archive.
  public mutating func finish(to sink: (UnsafeRawBufferPointer) throws -> Void) throws {
    let rows = layers.count
    var writer = ZipWriter()
    func add<Value: BitwiseCopyable>(
      _ name: String, _ element: NPYArray.Element, _ shape: [Int], _ values: [Value]
    ) throws {
      let file = values.withUnsafeBytes {
        NPYArray.file(element, shape: shape, elements: $0)
      }
      do {
        try writer.add(name + ".npy", file, to: sink)
      } catch let error as ArchiveError {
        throw ExportError(
          problem: error.problem, remedy: "write fewer events, or --to \(ForecastJSONLines.name)")
      }
    }
    try add("ids", .signed(bytes: 4), [rows, top], ids)
    try add("chances", .float(bytes: 4), [rows, top], chances)
    try add("chosen", .signed(bytes: 4), [rows, most], chosen)
    if isOfBatches {
      try add("step", .signed(bytes: 4), [rows], steps)
      try add("requests", .signed(bytes: 4), [rows], sizes)
    } else {
      try add("request", .unsigned(bytes: 8), [rows], requests)
      try add("token", .signed(bytes: 4), [rows], tokens)
      try add("stage", .unsigned(bytes: 1), [rows], stages)
    }
    try add("layer", .signed(bytes: 4), [rows], layers)
    try add("horizon", .unsigned(bytes: 1), [rows], horizons)
    try writer.finish(to: sink)
  }

  /// Appends a row of `width` values.
  private func append<Value>(
    _ values: [Value], to column: inout [Value], width: Int, filling: Value
  ) {
    column += values.prefix(width)
    column += repeatElement(filling, count: max(0, width - values.count))
  }
}
