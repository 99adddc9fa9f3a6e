import RoutingTrace

/// Accesses as libCacheSim's CSV: `time,obj_id,obj_size`.
public struct AccessCSV: TraceExporter {
  /// The format on the command line.
  public static let name = "csv"
  /// What stands in the file, for people.
  public static let summary =
    "\(header): libCacheSim's table, a line a choice; numbers as in oracle-general."
  /// How its outputs end.
  public static let suffixes = [".csv"]
  /// The size and the forecasts.
  public static let heeds: Set<ExportOption> = [.objectSize, .prefetches]
  /// By its names of columns.
  public static func mayBegin(_ head: [UInt8], of file: String) -> Bool {
    file == ExportFile.output
      ? head.starts(with: Array(header.utf8)) : PrefetchLines.mayBegin(head, of: file)
  }

  private static let header = "time,obj_id,obj_size"

  private let shape: TraceShape
  private let size: UInt32
  private var accesses: ExpertAccesses
  private var lines = TextLines()
  private var prefetches: PrefetchLines?

  /// An exporter of traces with this header.
  public init(_ header: TraceHeader, _ settings: ExportSettings) throws {
    shape = header.shape
    size = settings.objectSize ?? 1
    accesses = ExpertAccesses(header.shape)
    lines.add(Self.header)
    prefetches = try settings.prefetching.map {
      try PrefetchLines($0, header.shape, objectSize: size)
    }
  }

  /// Adds a block.
  public mutating func add(_ block: TokenBlock, to output: any ExportOutput) throws {
    try prefetches?.add(block, before: accesses, to: output)
    try accesses.next(block) { time, layer, expert in
      lines.append(time)
      lines.append(",")
      lines.append(ExpertAccesses.object(shape, layer: layer, expert: expert))
      lines.append(",")
      lines.append(Int(size))
      lines.endLine()
      try lines.flush { try output.write($0, to: ExportFile.output) }
    }
  }

  /// Writes what waits.
  public mutating func finish(to output: any ExportOutput) throws {
    try lines.flush(beyond: 0) { try output.write($0, to: ExportFile.output) }
    try prefetches?.finish(to: output)
  }
}
