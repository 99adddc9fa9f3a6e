/// The wire form of one ``TokenBlock``.
///
/// Little-endian, offsets in bytes:
///
/// | at | field |
/// |---|---|
/// | 0 | magic `MOEC` |
/// | 4 | u32 offset of the ids, a multiple of 8 |
/// | 8 | u64 ordinal of the chunk in its trace, from 0 |
/// | 16 | u32 tokens T |
/// | 20 | u32 runs R |
/// | 24 | u8 bytes an id (1 or 2), u8 1 if gate weights follow, u16 layers L, u16 top-k K, u16 0 |
/// | 32 | u32 labels N, u32 0 |
/// | 40 | R runs of 24: u64 request, u32 first token, u32 tokens, u8 stage, u8 ends (0, 1), 6 zeros |
/// | then | N labels: u64 request, u16 and u16 lengths, name, task (UTF-8) |
/// | ids | L * T * K ids, layer-major; an empty slot is the largest value of the width |
/// | then | L * T * K float16 gate weights, if present |
///
/// Ids take one byte up to 255 experts, and with 256 experts where no slot is empty. What the
/// fields may say is told in <doc:Container>.
enum ChunkPayload {
  /// The first four bytes of every payload.
  static let magic = Array("MOEC".utf8)
  /// Bytes before the runs.
  static let fixedHeader = 40
  /// Bytes of a run.
  static let runSize = 24

  /// Bytes of the payload of `block`, at most 7 less than there are.
  static func size(of block: TokenBlock) -> Int {
    let id = (isNarrow(block.shape, isFull: block.isFull) ? 1 : 2) + (block.weights == nil ? 0 : 2)
    return fixedHeader + block.runs.count * runSize + block.labels.reduce(0) { $0 + size(of: $1) }
      + block.ids.count * id
  }

  /// Bytes of a label, or more where its texts are too long and are cut.
  static func size(of label: RequestLabel) -> Int {
    12 + label.name.utf8.count + label.task.utf8.count
  }

  /// Appends the payload of `block` to `bytes`.
  static func encode(_ block: TokenBlock, ordinal: Int, into bytes: inout [UInt8]) {
    let narrow = isNarrow(block.shape, isFull: block.isFull)
    encodeFields(
      block.shape, tokens: block.tokens, runs: block.runs, labels: block.labels, narrow: narrow,
      weighted: block.weights != nil, ordinal: ordinal, into: &bytes)
    if narrow {
      append(narrowed: block.ids, to: &bytes)
    } else {
      block.ids.withUnsafeBytes { bytes.append(contentsOf: $0) }
    }
    block.weights?.withUnsafeBytes { bytes.append(contentsOf: $0) }
  }

  /// Whether ids take a byte each.
  static func isNarrow(_ shape: TraceShape, isFull: Bool) -> Bool {
    shape.experts <= (isFull ? 256 : 255)
  }

  /// Appends what stands before the ids.
  static func encodeFields(
    _ shape: TraceShape, tokens: Int, runs: [TokenRun], labels: [RequestLabel], narrow: Bool,
    weighted: Bool, ordinal: Int, into bytes: inout [UInt8]
  ) {
    let start = bytes.count
    bytes.append(contentsOf: magic)
    bytes.append(littleEndian: UInt32(0))
    bytes.append(littleEndian: UInt64(ordinal))
    bytes.append(littleEndian: UInt32(tokens))
    bytes.append(littleEndian: UInt32(runs.count))
    bytes.append(narrow ? 1 : 2)
    bytes.append(weighted ? 1 : 0)
    bytes.append(littleEndian: UInt16(shape.layers))
    bytes.append(littleEndian: UInt16(shape.topK))
    bytes.append(littleEndian: UInt16(0))
    bytes.append(littleEndian: UInt32(labels.count))
    bytes.append(littleEndian: UInt32(0))
    for run in runs {
      bytes.append(littleEndian: run.request)
      bytes.append(littleEndian: UInt32(run.firstToken))
      bytes.append(littleEndian: UInt32(run.count))
      bytes.append(run.stage.rawValue)
      bytes.append(run.endsRequest ? 1 : 0)
      bytes.append(contentsOf: repeatElement(0, count: 6))
    }
    for label in labels {
      let name = fitting(label.name).utf8
      let task = fitting(label.task).utf8
      bytes.append(littleEndian: label.request)
      bytes.append(littleEndian: UInt16(name.count))
      bytes.append(littleEndian: UInt16(task.count))
      bytes.append(contentsOf: name)
      bytes.append(contentsOf: task)
    }
    bytes.append(contentsOf: repeatElement(0, count: (8 - (bytes.count - start) % 8) % 8))
    let idsAt = UInt32(bytes.count - start)
    bytes.withUnsafeMutableBytes {
      $0.storeBytes(of: idsAt.littleEndian, toByteOffset: start + 4, as: UInt32.self)
    }
  }

  /// Reads a payload of a trace of `shape`; nothing is allocated beyond what the payload holds.
  ///
  /// - Parameters:
  ///   - pass: what the pass over the same bytes came to.
  ///   - readsWeights: whether gate weights are looked at, where there are any.
  /// - Throws: ``PayloadError`` on fields that contradict the shape or each other.
  static func decode(
    _ payload: UnsafeRawBufferPointer, pass: ChunkVerifier, shape: TraceShape,
    readsWeights: Bool = true
  ) throws(PayloadError) -> (block: TokenBlock, ordinal: UInt64) {
    var cursor = ByteCursor(payload)
    guard try cursor.take(4).elementsEqual(magic) else {
      throw PayloadError("it does not begin as a chunk does")
    }
    let idsAt = Int(try cursor.take(UInt32.self))
    let ordinal = try cursor.take(UInt64.self)
    let tokens = Int(try cursor.take(UInt32.self))
    let runCount = Int(try cursor.take(UInt32.self))
    let width = Int(try cursor.take(UInt8.self))
    let weighted = try cursor.take(UInt8.self)
    let layers = Int(try cursor.take(UInt16.self))
    let topK = Int(try cursor.take(UInt16.self))
    let reserved = try cursor.take(UInt16.self)
    let labelCount = Int(try cursor.take(UInt32.self))
    guard reserved == 0, try cursor.take(UInt32.self) == 0 else { throw PayloadError.reserved }
    guard layers == shape.layers, topK == shape.topK else {
      throw PayloadError(
        "it has \(layers) layers and top-\(topK), the trace \(shape.layers) and top-\(shape.topK)")
    }
    guard (1...2).contains(width), weighted <= 1, width == 2 || shape.experts <= 256 else {
      throw PayloadError("its ids or gate weights have an unknown form")
    }
    let ids = tokens * shape.idsPerToken
    guard ids * (width + 2 * Int(weighted)) == payload.count - idsAt else {
      throw PayloadError("\(payload.count - idsAt) bytes of ids do not hold \(tokens) tokens")
    }
    let runs = try decodeRuns(runCount, &cursor)
    let labels = try decodeLabels(labelCount, &cursor)
    guard cursor.position <= idsAt, idsAt - cursor.position < 8 else {
      throw PayloadError("its ids begin at byte \(idsAt), its header ends at \(cursor.position)")
    }
    _ = try cursor.take(idsAt - cursor.position)
    let raw = try cursor.take(ids * width)
    let column = pass.plainIDs ?? widen(raw, width: width, experts: shape.experts)
    let allSlotsValid =
      pass.plainIDs != nil || TokenBlock.allSlotsValid(column, experts: shape.experts, topK: topK)
    var weights: [Float16]?
    if weighted == 1, readsWeights {
      let raw = try cursor.take(ids * 2)
      weights = [Float16](unsafeUninitializedCapacity: ids) { target, count in
        UnsafeMutableRawBufferPointer(target).copyMemory(from: raw)
        count = ids
      }
    }
    do {
      let block = try TokenBlock(
        shape: shape, runs: runs, labels: labels, ids: column, weights: weights,
        allSlotsValid: allSlotsValid)
      guard block.tokens == tokens else {
        throw PayloadError("its runs hold \(block.tokens) tokens, its header says \(tokens)")
      }
      return (block, ordinal)
    } catch let error as BlockError {
      throw PayloadError("\(error)")
    } catch let error as PayloadError {
      throw error
    } catch {
      throw PayloadError("\(error)")
    }
  }

  /// Appends ids as bytes, an empty slot as 255.
  private static func append(narrowed ids: [UInt16], to bytes: inout [UInt8]) {
    let start = bytes.count
    bytes.append(contentsOf: repeatElement(0, count: ids.count))
    bytes.withUnsafeMutableBufferPointer { bytes in
      ids.withUnsafeBufferPointer { ids in
        guard let from = ids.baseAddress, let to = bytes.baseAddress.map({ $0 + start }) else {
          return
        }
        var at = 0
        while at < ids.count {
          to[at] = UInt8(truncatingIfNeeded: from[at])
          at &+= 1
        }
      }
    }
  }

  /// The longest start of `text` whose length in bytes fits 16 bits.
  private static func fitting(_ text: String) -> String {
    var text = text
    while text.utf8.count > Int(UInt16.max) { text.removeLast() }
    return text
  }

  /// Takes `count` runs from the payload.
  private static func decodeRuns(
    _ count: Int, _ cursor: inout ByteCursor
  ) throws(PayloadError) -> [TokenRun] {
    guard count <= cursor.remaining / runSize else {
      throw PayloadError("it claims \(count) runs")
    }
    var runs: [TokenRun] = []
    runs.reserveCapacity(count)
    for _ in 0..<count {
      let request = try cursor.take(UInt64.self)
      let first = try cursor.take(UInt32.self)
      let tokens = try cursor.take(UInt32.self)
      guard let stage = Stage(rawValue: try cursor.take(UInt8.self)) else {
        throw PayloadError("request \(request) is in an unknown stage")
      }
      let flags = try cursor.take(UInt8.self)
      let reserved = try cursor.take(6)
      guard flags <= 1, reserved.allSatisfy({ $0 == 0 }) else { throw PayloadError.reserved }
      runs.append(
        TokenRun(
          request: request, stage: stage, firstToken: Int(first), count: Int(tokens),
          endsRequest: flags & 1 != 0))
    }
    return runs
  }

  /// Takes `count` labels from the payload.
  private static func decodeLabels(
    _ count: Int, _ cursor: inout ByteCursor
  ) throws(PayloadError) -> [RequestLabel] {
    guard count <= cursor.remaining / 12 else {
      throw PayloadError("it claims \(count) labels")
    }
    var labels: [RequestLabel] = []
    for _ in 0..<count {
      let request = try cursor.take(UInt64.self)
      let name = Int(try cursor.take(UInt16.self))
      let task = Int(try cursor.take(UInt16.self))
      labels.append(
        RequestLabel(
          request: request, name: try cursor.takeString(name), task: try cursor.takeString(task)))
    }
    return labels
  }

  /// The ids of a column, of `width` bytes each, as 16-bit numbers.
  private static func widen(
    _ raw: UnsafeRawBufferPointer, width: Int, experts: Int
  ) -> [UInt16] {
    [UInt16](unsafeUninitializedCapacity: raw.count / width) { target, count in
      count = raw.count / width
      guard width == 1 else {
        UnsafeMutableRawBufferPointer(target).copyMemory(from: raw)
        return
      }
      guard let from = raw.baseAddress?.assumingMemoryBound(to: UInt8.self),
        let to = target.baseAddress
      else { return }
      // Byte 255 is an empty slot, unless there are 256 experts: then it is an expert, and no slot
      // is empty.
      let empty: UInt16 = experts <= 255 ? 0xFF : 0x1FF
      var at = 0
      while at < count {
        let id = UInt16(from[at])
        to[at] = id == empty ? TokenBlock.emptySlot : id
        at &+= 1
      }
    }
  }
}
