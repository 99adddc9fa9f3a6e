import Archive
import MemoryBudget
import RoutingTrace

/// libCacheSim's oracleGeneral: packed records of 24 bytes, each with the number of the object's next
/// access.
///
/// The trace is read twice, since no record can be written before its next access is known; see
/// ``NextAccesses`` for what that takes of memory.
public struct OracleGeneral: TraceExporter {
  /// The format on the command line.
  public static let name = "oracle-general"
  /// What stands in the file, for people.
  public static let summary = """
    libCacheSim's records of 24 bytes, little-endian, one a choice: u32 time (the token's number), \
    u64 object (model layer * experts + expert), u32 size, i64 number of the object's next access, \
    -1 never; the trace is read twice.
    """
  /// How its outputs end.
  public static let suffixes = [".oracleGeneral", ".oracleGeneral.bin"]
  /// The size and the forecasts.
  public static let heeds: Set<ExportOption> = [.objectSize, .prefetches]
  /// Bytes of a record.
  static let record = 24

  /// There is no magic: the first record has time 0, a small object and its next access ahead.
  public static func mayBegin(_ head: [UInt8], of file: String) -> Bool {
    guard file == ExportFile.output else { return PrefetchLines.mayBegin(head, of: file) }
    guard head.count >= record else { return false }
    return head.withUnsafeBytes { bytes in
      let next = bytes.littleEndian(at: 16, as: Int64.self)
      return bytes.littleEndian(at: 0, as: UInt32.self) == 0
        && bytes.littleEndian(at: 4, as: UInt64.self) < 1 << 32 && next >= -1 && next < 1 << 48
    }
  }

  /// Twice.
  public static let readsTwice = true

  private let shape: TraceShape
  private let size: UInt32
  private let memory = AvailableMemory.ofThisProcess()
  private var surveyed: ExpertAccesses
  private var accesses: ExpertAccesses
  private var next: NextAccesses
  private var prefetches: PrefetchLines?
  /// The window that is being read: experts of all layers, numbered through, and when.
  private var objects: [UInt32] = []
  private var times: [UInt32] = []
  private var windows = 0
  private var written = 0

  /// An exporter of traces with this header.
  public init(_ header: TraceHeader, _ settings: ExportSettings) throws {
    shape = header.shape
    size = settings.objectSize ?? 1
    surveyed = ExpertAccesses(header.shape)
    accesses = ExpertAccesses(header.shape)
    next = NextAccesses(objects: shape.layers * shape.experts)
    prefetches = try settings.prefetching.map {
      try PrefetchLines($0, header.shape, objectSize: size)
    }
  }

  /// Notes when a block's objects are accessed first.
  public mutating func survey(_ block: TokenBlock) throws {
    next.beginBlock()
    try memory.check(
      MemoryDemand(
        "when each window of the trace accesses each expert", bytes: next.bytes,
        alternatives: [.init("--to csv", bytes: 0)]))
    var access = surveyed.count
    surveyed.next(block) { _, layer, expert in
      next.note(layer * shape.experts + expert, at: access)
      access += 1
    }
  }

  /// Adds a block.
  public mutating func add(_ block: TokenBlock, to output: any ExportOutput) throws {
    try prefetches?.add(block, before: accesses, to: output)
    if next.isFull(objects.count) { try writeWindow(to: output) }
    let first = accesses.tokens
    guard first + block.tokens <= Int(UInt32.max) else {
      throw ExportError(
        problem: "the trace has over 2^32 tokens, more than libCacheSim's times",
        remedy: "export a part of it")
    }
    accesses.next(block) { time, layer, expert in
      objects.append(UInt32(truncatingIfNeeded: layer * shape.experts + expert))
      times.append(UInt32(truncatingIfNeeded: time))
    }
  }

  /// Writes the last window.
  public mutating func finish(to output: any ExportOutput) throws {
    try writeWindow(to: output)
    try prefetches?.finish(to: output)
  }

  private mutating func writeWindow(to output: any ExportOutput) throws {
    let ahead = next.next(inWindow: windows, from: written, objects)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(objects.count * Self.record)
    for index in objects.indices {
      bytes.append(littleEndian: times[index])
      let (layer, expert) = Int(objects[index]).quotientAndRemainder(dividingBy: shape.experts)
      bytes.append(
        littleEndian: UInt64(ExpertAccesses.object(shape, layer: layer, expert: expert)))
      bytes.append(littleEndian: size)
      bytes.append(littleEndian: Int64(ahead[index]))
    }
    try output.write(bytes)
    written += objects.count
    windows += 1
    objects.removeAll(keepingCapacity: true)
    times.removeAll(keepingCapacity: true)
  }
}
