import LZ4Frame
import RoutingTrace

/// A chunk as it is on the wire, with nothing to stop it from saying what means nothing.
public struct WireChunk {
  /// A run's fields.
  public struct Run: Sendable {
    public var request: UInt64
    public var firstToken: UInt32
    public var count: UInt32
    public var stage: Stage
    public var flags: UInt8 = 0
    public var reserved: UInt8 = 0

    public init(
      _ request: UInt64, _ firstToken: UInt32, _ count: UInt32, _ stage: Stage = .decode,
      ends: Bool = false
    ) {
      self.request = request
      self.firstToken = firstToken
      self.count = count
      self.stage = stage
      flags = ends ? 1 : 0
    }
  }

  public var runs: [Run] = []
  public var labels: [RequestLabel] = []
  /// Layer-major, a byte each.
  public var ids: [UInt8] = []
  public var weights: [Float16]?
  /// What stands in the header's reserved fields.
  public var reserved: UInt8 = 0

  public init() {}

  public var tokens: Int { runs.reduce(0) { $0 + Int($1.count) } }

  /// Experts 0, 1, ... for every token of the runs, or no expert for those that `isEmpty` says.
  public mutating func fill(_ shape: TraceShape, isEmpty: (Int) -> Bool = { _ in false }) {
    ids = (0..<tokens * shape.layers).flatMap { event in
      isEmpty(event)
        ? Array(repeating: .max, count: shape.topK) : (0..<UInt8(shape.topK)).map { $0 }
    }
  }

  /// The payload.
  public func payload(_ shape: TraceShape, ordinal: Int) -> [UInt8] {
    var bytes = Array("MOEC".utf8)
    func append(_ value: some FixedWidthInteger) {
      withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }
    var fields: [UInt8] = []
    for run in runs {
      for value in [run.request, UInt64(run.firstToken) | UInt64(run.count) << 32] {
        withUnsafeBytes(of: value.littleEndian) { fields.append(contentsOf: $0) }
      }
      fields += [run.stage.rawValue, run.flags, 0, 0, 0, 0, 0, run.reserved]
    }
    for label in labels {
      withUnsafeBytes(of: label.request.littleEndian) { fields.append(contentsOf: $0) }
      fields += [UInt8(label.name.utf8.count), 0, UInt8(label.task.utf8.count), 0]
      fields += Array(label.name.utf8) + Array(label.task.utf8)
    }
    fields += [UInt8](repeating: 0, count: (8 - fields.count % 8) % 8)
    append(UInt32(40 + fields.count))
    append(UInt64(ordinal))
    append(UInt32(tokens))
    append(UInt32(runs.count))
    bytes += [1, weights == nil ? 0 : 1]
    append(UInt16(shape.layers))
    append(UInt16(shape.topK))
    bytes += [0, reserved]
    append(UInt32(labels.count))
    append(UInt32(0))
    bytes += fields + ids
    for weight in weights ?? [] { append(weight.bitPattern) }
    return bytes
  }

  /// A trace of `chunks`, its checksums right, without an index.
  public static func trace(_ chunks: [WireChunk], shape: TraceShape) throws -> [UInt8] {
    let header = try TraceWriter(MemorySink(), header: TraceHeader(shape: shape)).sink.bytes
    var writer = FrameWriter(MemorySink())
    for (ordinal, chunk) in chunks.enumerated() {
      try writer.writeData(chunk.payload(shape, ordinal: ordinal))
    }
    return header + writer.sink.bytes
  }
}

/// A trace that is well formed, all checksums right, and in one place says what means nothing.
public struct MeaninglessTrace {
  /// What a chunk may say that has no meaning.
  public enum Fault: CaseIterable, Sendable {
    case overlap, restart, prefillAfterDecode, afterEnd, endTwice, emptyRun, positions, number
    case labelWithoutRun, labelTwice, lateLabel, weightNaN, weightInfinite, flags, reservedOfRun
    case reservedOfChunk
  }

  public let shape: TraceShape
  /// All chunks; those from ``faulty`` on only where there is a fault.
  public private(set) var chunks: [WireChunk] = []
  /// The chunk with the fault.
  public private(set) var faulty = 0

  public var bytes: [UInt8] { get throws { try WireChunk.trace(chunks, shape: shape) } }
  /// The chunks before the fault.
  public var intact: [UInt8] {
    get throws { try WireChunk.trace(Array(chunks[..<faulty]), shape: shape) }
  }

  private struct Request {
    var number: UInt64
    var next: UInt32 = 0
    var stage = Stage.prefill
    var firstChunk: Int
    var hasEnded = false
  }
  private var requests: [Request] = []

  /// A trace of 2 to 6 chunks with `fault` in one of them that is not the first, or with none.
  public init(_ fault: Fault?, using random: inout SplitMix64) throws {
    shape = try TraceShape(model: "meaningless", modelLayers: [0, 3], experts: 9, topK: 2)
    let weighted = fault == .weightNaN || fault == .weightInfinite || random.next() % 2 == 0
    repeat {
      (chunks, requests) = ([], [])
      let count = Int.random(in: 2...6, using: &random)
      faulty = fault == nil ? count : Int.random(in: 1..<count, using: &random)
      var isPlaced = fault == nil
      for ordinal in 0..<count {
        var chunk = WireChunk()
        let runs = Int.random(in: 3...12, using: &random)
        let place = ordinal == faulty ? Int.random(in: 0...runs, using: &random) : nil
        for run in 0...runs {
          if run == place, let fault { isPlaced = add(fault, to: &chunk, ordinal, using: &random) }
          if run < runs { addRun(to: &chunk, ordinal, using: &random) }
        }
        chunk.fill(shape) { _ in random.next() % 16 == 0 }
        if weighted {
          chunk.weights = chunk.ids.map { _ in Float16.random(in: -4...4, using: &random) }
        }
        if ordinal == faulty, let fault { finish(fault, &chunk, using: &random) }
        chunks.append(chunk)
      }
      if isPlaced { return }
    } while true
  }

  /// A run that means something: also one behind a gap, a request whose beginning is not there, an
  /// end without a token.
  private mutating func addRun(
    to chunk: inout WireChunk, _ ordinal: Int, using random: inout SplitMix64
  ) {
    let live = requests.indices.filter { !requests[$0].hasEnded }
    let place: Int
    if live.isEmpty || random.next() % 3 == 0 {
      place = requests.count
      requests.append(Request(number: UInt64(requests.count), firstChunk: ordinal))
      if random.next() % 2 == 0 {
        chunk.labels.append(
          RequestLabel(request: requests[place].number, name: "n", task: "task \(place % 3)"))
      }
      if random.next() % 8 == 0 { requests[place].next = UInt32(random.next() % 100) }
    } else {
      place = live[Int(random.next() % UInt64(live.count))]
      if random.next() % 8 == 0 { requests[place].next += 3 }
      if random.next() % 3 == 0 { requests[place].stage = .decode }
    }
    let ends = random.next() % 4 == 0
    let count = ends && random.next() % 4 == 0 ? 0 : UInt32.random(in: 1...4, using: &random)
    append(place, count: count, ends: ends, to: &chunk)
  }

  private mutating func append(
    _ place: Int, count: UInt32, ends: Bool = false, to chunk: inout WireChunk
  ) {
    chunk.runs.append(
      WireChunk.Run(
        requests[place].number, requests[place].next, count, requests[place].stage, ends: ends))
    requests[place].next += count
    requests[place].hasEnded = ends
  }

  /// Adds what means nothing to the chunk so far; false where nothing before gives the occasion.
  private mutating func add(
    _ fault: Fault, to chunk: inout WireChunk, _ ordinal: Int, using random: inout SplitMix64
  ) -> Bool {
    func any(_ condition: (Request) -> Bool) -> Request? {
      requests.filter(condition).randomElement(using: &random)
    }
    switch fault {
    case .overlap:
      guard let one = any({ !$0.hasEnded && $0.next > 1 }) else { return false }
      let first = UInt32.random(in: 1..<one.next, using: &random)
      chunk.runs.append(.init(one.number, first, 2, one.stage))
    case .restart:
      guard let one = any({ !$0.hasEnded && $0.next > 0 }) else { return false }
      chunk.runs.append(.init(one.number, 0, 1, one.stage, ends: random.next() % 2 == 0))
    case .prefillAfterDecode:
      guard
        let one = any({ one in
          one.stage == .decode && !one.hasEnded
            && (chunks + [chunk]).contains {
              $0.runs.contains { $0.request == one.number && $0.stage == .decode && $0.count > 0 }
            }
        })
      else { return false }
      chunk.runs.append(.init(one.number, one.next, 1, .prefill))
    case .afterEnd:
      guard let one = any({ $0.hasEnded }) else { return false }
      chunk.runs.append(.init(one.number, random.next() % 2 == 0 ? one.next : 0, 1))
    case .endTwice:
      guard let one = any({ $0.hasEnded }) else { return false }
      chunk.runs.append(.init(one.number, one.next, 0, ends: true))
    case .emptyRun:
      chunk.runs.append(.init(any { !$0.hasEnded }?.number ?? 5000, 0xFFFF, 0))
    case .positions: chunk.runs.append(.init(5000, .max, 1))
    case .number: chunk.runs.append(.init(.max, 0, 1))
    case .labelWithoutRun: chunk.labels.append(RequestLabel(request: 5000, task: "t"))
    case .labelTwice:
      guard let label = chunk.labels.randomElement(using: &random) else { return false }
      chunk.labels.append(RequestLabel(request: label.request, task: "other"))
    case .lateLabel:
      guard
        let place = requests.indices.first(where: {
          !requests[$0].hasEnded && requests[$0].firstChunk < ordinal
        })
      else { return false }
      append(place, count: 1, to: &chunk)
      chunk.labels.append(RequestLabel(request: requests[place].number, task: "late"))
    case .weightNaN, .weightInfinite, .flags, .reservedOfRun, .reservedOfChunk: break
    }
    return true
  }

  /// Does what is done to a whole chunk.
  private func finish(_ fault: Fault, _ chunk: inout WireChunk, using random: inout SplitMix64) {
    let run = Int.random(in: chunk.runs.indices, using: &random)
    let bit = UInt8(1) << UInt8.random(in: 1..<8, using: &random)
    switch fault {
    case .weightNaN, .weightInfinite:
      let at = Int.random(in: chunk.ids.indices, using: &random)
      let isNegative = random.next() % 2 == 0
      let wrong: Float16 = fault == .weightNaN ? .nan : .infinity
      chunk.weights?[at] = isNegative ? -wrong : wrong
    case .flags: chunk.runs[run].flags |= bit
    case .reservedOfRun: chunk.runs[run].reserved = bit
    case .reservedOfChunk: chunk.reserved = bit
    default: break
    }
  }
}
