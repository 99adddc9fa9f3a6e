import RoutingTrace

/// Accesses as the load traces of ChampSim's prefetching competition, whose prefetches are a file
/// of their own.
public struct ChampSimLoads: TraceExporter {
  /// The format on the command line.
  public static let name = "champsim"
  /// What stands in the file, for people.
  public static let summary = """
    load traces as of ChampSim's prefetching competition, a line a choice: number, cycle (the token's \
    number), address (object * 64: an expert is a cache line), instruction (the model layer, from 1), \
    both hexadecimal, and 0 for a miss; of --prefetches lines of number and address.
    """
  /// How its outputs end.
  public static let suffixes = [".champsim", ".champsim.txt"]
  /// The forecasts.
  public static let heeds: Set<ExportOption> = [.prefetches]
  /// By its first line.
  public static func mayBegin(_ head: [UInt8], of file: String) -> Bool {
    file == ExportFile.output
      ? head.starts(with: Array("0, 0, ".utf8)) : PrefetchLines.mayBegin(head, of: file)
  }

  private let shape: TraceShape
  private var accesses: ExpertAccesses
  private var lines = TextLines()
  private var prefetches: PrefetchLines?

  /// An exporter of traces with this header.
  public init(_ header: TraceHeader, _ settings: ExportSettings) throws {
    shape = header.shape
    accesses = ExpertAccesses(shape)
    prefetches = try settings.prefetching.map {
      try PrefetchLines($0, header.shape, style: .addresses)
    }
  }

  /// The address of an object.
  static func address(_ object: Int) -> Int { object << 6 }

  /// Adds a block.
  public mutating func add(_ block: TokenBlock, to output: any ExportOutput) throws {
    try prefetches?.add(block, before: accesses, to: output)
    var number = accesses.count
    try accesses.next(block) { time, layer, expert in
      let object = ExpertAccesses.object(shape, layer: layer, expert: expert)
      lines.append(number)
      lines.append(", ")
      lines.append(time)
      lines.append(", ")
      lines.append(Self.address(object), radix: 16)
      lines.append(", ")
      lines.append(shape.modelLayers[layer] + 1, radix: 16)
      lines.append(", 0")
      lines.endLine()
      number += 1
      try lines.flush { try output.write($0, to: ExportFile.output) }
    }
  }

  /// Writes what waits.
  public mutating func finish(to output: any ExportOutput) throws {
    try lines.flush(beyond: 0) { try output.write($0, to: ExportFile.output) }
    try prefetches?.finish(to: output)
  }
}
