import Prequential
import RoutingTrace

/// What a forecast would prefetch, as text beside a stream of accesses.
struct PrefetchLines {
  /// How a prefetch is written.
  enum Style {
    /// A table: before which access, at which time, which object, how probable.
    case table(objectSize: UInt32)
    /// Number of the access and address, as ChampSim's competition has them.
    case addresses
  }

  private var prefetching: Prefetching
  private let shape: TraceShape
  private let style: Style
  private var lines = TextLines()

  /// - Throws: `Prequential/LearnerError` where the model is of another shape.
  init(_ prefetching: Prefetching, _ shape: TraceShape, style: Style) throws {
    try prefetching.check(shape)
    self.prefetching = prefetching
    self.shape = shape
    self.style = style
    if case .table = style { lines.add(Self.columns) }
  }

  /// Lines of a table.
  init(_ prefetching: Prefetching, _ shape: TraceShape, objectSize: UInt32) throws {
    try self.init(prefetching, shape, style: .table(objectSize: objectSize))
  }

  /// What the file's name has behind the output's.
  private var file: String {
    switch style {
    case .table: ".prefetches.csv"
    case .addresses: Self.addresses
    }
  }

  private static let addresses = ".prefetches.txt"
  private static let columns = "access,time,obj_id,obj_size,chance"

  /// Whether a file that begins so may be one of these.
  static func mayBegin(_ head: [UInt8], of file: String) -> Bool {
    guard file == addresses else { return head.starts(with: Array(columns.utf8)) }
    // The first forecast stands before the first access that it may be made before.
    let line = head.prefix { $0 != UInt8(ascii: "\n") }.split(separator: UInt8(ascii: " "))
    return line.count == 2
      && line.allSatisfy { Int(String(decoding: $0, as: UTF8.self), radix: 16) != nil }
  }

  /// Adds what is prefetched while a block goes by.
  mutating func add(
    _ block: TokenBlock, before accesses: ExpertAccesses, to output: any ExportOutput
  ) throws {
    let (shape, style, file) = (shape, style, file)
    var lines = lines
    try prefetching.consume(block, after: accesses) { forecast, access, time in
      for (expert, chance) in zip(forecast.experts, forecast.chances) {
        let object = ExpertAccesses.object(shape, layer: forecast.layer, expert: Int(expert))
        switch style {
        case .table(let size): lines.add("\(access),\(time),\(object),\(size),\(chance)")
        case .addresses:
          lines.append(access)
          lines.append(" ")
          lines.append(ChampSimLoads.address(object), radix: 16)
          lines.endLine()
        }
      }
      try lines.flush { try output.write($0, to: file) }
    }
    self.lines = lines
  }

  /// Writes what waits.
  mutating func finish(to output: any ExportOutput) throws {
    let file = file
    try lines.flush(beyond: 0) { try output.write($0, to: file) }
  }
}
