/// The tokens that a ``TraceWriter`` has been given and not yet written, token-major as they came;
/// encoding turns them layer-major.
struct PendingChunk {
  /// The tokens' owners; a run that goes on where the last ended is joined to it.
  var runs: [TokenRun] = []
  /// Names and tasks of requests that begin among them.
  var labels: [RequestLabel] = []
  /// `[token, layer, slot]`.
  var ids: [UInt16] = []
  /// Gate weights beside the ids; empty where there are none.
  var weights: [Float16] = []
  /// Whether the trace has gate weights.
  var weighted = false
  /// Tokens gathered.
  var tokens = 0
  /// Bytes that runs and labels take in a payload.
  var bytesOfFields: Int { runs.count * ChunkPayload.runSize + bytesOfLabels }
  /// Bytes that labels take in a payload.
  private var bytesOfLabels = 0
  /// Ids up to which room is made at once and not by growing.
  private static let largestReserve = 1 << 23

  /// Appends labels.
  mutating func append(_ more: [RequestLabel]) {
    labels += more
    for label in more { bytesOfLabels += ChunkPayload.size(of: label) }
  }

  /// Appends tokens.
  ///
  /// - Parameter room: ids that a full chunk holds.
  mutating func append(
    _ run: TokenRun, ids: ArraySlice<UInt16>, weights: ArraySlice<Float16>?, room: Int
  ) {
    guard run.count > 0 || run.endsRequest else { return }
    if self.ids.capacity == 0 { self.ids.reserveCapacity(min(room, Self.largestReserve)) }
    if let last = runs.last, last.request == run.request, last.stage == run.stage,
      last.firstToken + last.count == run.firstToken, !last.endsRequest
    {
      runs[runs.count - 1].count += run.count
      runs[runs.count - 1].endsRequest = run.endsRequest
    } else {
      runs.append(run)
    }
    self.ids.append(contentsOf: ids)
    if let weights { self.weights.append(contentsOf: weights) }
    tokens += run.count
  }

  /// Appends the chunk's payload to `bytes`.
  ///
  /// - Throws: ``BlockError`` where an id or a weight cannot come from the shape's router.
  func encode(
    _ shape: TraceShape, ordinal: Int, into bytes: inout [UInt8]
  ) throws(BlockError) {
    let allSlotsValid = TokenBlock.allSlotsValid(ids, experts: shape.experts, topK: shape.topK)
    guard allSlotsValid, ChunkPayload.isNarrow(shape, isFull: true),
      TokenBlock.firstWithoutNumber(weights) == nil
    else {
      ChunkPayload.encode(
        try block(shape, allSlotsValid: allSlotsValid), ordinal: ordinal, into: &bytes)
      return
    }
    ChunkPayload.encodeFields(
      shape, tokens: tokens, runs: runs, labels: labels, narrow: true, weighted: weighted,
      ordinal: ordinal, into: &bytes)
    appendLayerMajor(ids, as: UInt8.self, shape, to: &bytes) { UInt8(truncatingIfNeeded: $0) }
    if weighted { appendLayerMajor(weights, as: Float16.self, shape, to: &bytes) { $0 } }
  }

  /// The tokens as a block, every column checked.
  private func block(_ shape: TraceShape, allSlotsValid: Bool) throws(BlockError) -> TokenBlock {
    func column<Value: BitwiseCopyable>(_ values: [Value]) -> [Value] {
      [Value](unsafeUninitializedCapacity: values.count) { target, count in
        layerMajor(values, to: target, tokens: tokens, shape: shape) { $0 }
        count = values.count
      }
    }
    return try TokenBlock(
      shape: shape, runs: runs, labels: labels, ids: column(ids),
      weights: weighted ? column(weights) : nil, allSlotsValid: allSlotsValid)
  }

  /// Appends a column in layer-major order, each value converted.
  private func appendLayerMajor<Value: BitwiseCopyable, Stored: BitwiseCopyable>(
    _ column: [Value], as stored: Stored.Type, _ shape: TraceShape, to bytes: inout [UInt8],
    _ convert: (Value) -> Stored
  ) {
    let start = bytes.count
    bytes.append(
      contentsOf: repeatElement(0, count: column.count * MemoryLayout<Stored>.size))
    bytes.withUnsafeMutableBytes { bytes in
      // A payload's columns begin at a multiple of 8 bytes, half-precision weights at one of 2.
      let target = UnsafeMutableRawBufferPointer(rebasing: bytes[start...])
        .assumingMemoryBound(to: stored)
      layerMajor(column, to: target, tokens: tokens, shape: shape, convert)
    }
  }

  /// Forgets the tokens once they are written; the room stays.
  mutating func removeAll() {
    runs.removeAll(keepingCapacity: true)
    labels.removeAll(keepingCapacity: true)
    bytesOfLabels = 0
    ids.removeAll(keepingCapacity: true)
    weights.removeAll(keepingCapacity: true)
    tokens = 0
  }
}

/// Reorders a token-major column to a layer-major one.
///
/// Goes through a few tokens at a time, so that what is read stays in the first-level cache while
/// every layer takes its part.
@inline(__always)
private func layerMajor<Value: BitwiseCopyable, Stored: BitwiseCopyable>(
  _ column: [Value], to target: UnsafeMutableBufferPointer<Stored>, tokens: Int,
  shape: TraceShape, _ convert: (Value) -> Stored
) {
  // The writer appends whole tokens only.
  precondition(column.count == tokens * shape.idsPerToken && target.count == column.count)
  column.withUnsafeBufferPointer { column in
    guard let source = column.baseAddress, let target = target.baseAddress else { return }
    let layers = shape.layers
    // The top-k that models have is a constant in each copy, so that its loop unrolls.
    switch shape.topK {
    case 1: layerMajor(source, target, tokens: tokens, layers: layers, topK: 1, convert)
    case 4: layerMajor(source, target, tokens: tokens, layers: layers, topK: 4, convert)
    case 6: layerMajor(source, target, tokens: tokens, layers: layers, topK: 6, convert)
    case 8: layerMajor(source, target, tokens: tokens, layers: layers, topK: 8, convert)
    default:
      layerMajor(source, target, tokens: tokens, layers: layers, topK: shape.topK, convert)
    }
  }
}

@inline(__always)
private func layerMajor<Value, Stored>(
  _ source: UnsafePointer<Value>, _ target: UnsafeMutablePointer<Stored>, tokens: Int,
  layers: Int, topK: Int, _ convert: (Value) -> Stored
) {
  var first = 0
  while first < tokens {
    let end = min(first + 16, tokens)
    var layer = 0
    while layer < layers {
      var to = target + (layer &* tokens &+ first) &* topK
      var from = source + (first &* layers &+ layer) &* topK
      var token = first
      while token < end {
        var slot = 0
        while slot < topK {
          to[slot] = convert(from[slot])
          slot &+= 1
        }
        to += topK
        from += layers &* topK
        token &+= 1
      }
      layer &+= 1
    }
    first = end
  }
}
