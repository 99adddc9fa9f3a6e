import RoutingTrace

/// The last token of every request under way, so that a request may span chunks and interleave with
/// others.
///
/// At most `capacity` requests are remembered; beyond that the one whose last token is oldest is
/// forgotten, and its next token counts as a first one. Requests that end are forgotten at once.
public struct LiveRequests: Hashable, Sendable {
  /// What is remembered of one request.
  public struct Entry: Hashable, Sendable {
    public var request: UInt64
    /// The position its next token must have to count as following.
    public var nextToken: Int
    /// Tokens of the stream up to its last one; the smallest is forgotten first.
    public var age: UInt64
    /// Ids of its last token, `layers * topK`, layer by layer.
    public var ids: [UInt16]

    /// An entry of these values, such as a checkpoint holds.
    public init(request: UInt64, nextToken: Int, age: UInt64, ids: [UInt16]) {
      self.request = request
      self.nextToken = nextToken
      self.age = age
      self.ids = ids
    }
  }

  /// Requests remembered at most.
  public let capacity: Int
  private var entries: [UInt64: Entry] = [:]
  /// Tokens of the stream so far.
  public private(set) var clock: UInt64 = 0

  /// Remembers no request yet, and `capacity` at most, at least 1.
  public init(capacity: Int = 4096) { self.capacity = max(1, capacity) }

  /// Takes up where ``remembered`` and ``clock`` left off.
  public init(capacity: Int, entries: [Entry], clock: UInt64) {
    self.init(capacity: capacity)
    for entry in entries { self.entries[entry.request] = entry }
    self.clock = clock
  }

  /// Everything remembered, oldest first.
  public var remembered: [Entry] { entries.values.sorted { $0.age < $1.age } }

  /// Finds every token's predecessor in `block` and remembers the last tokens of its requests.
  public mutating func resolve(_ block: TokenBlock) -> EventBlock {
    let tokens = block.tokens
    var previous = [Int32](repeating: -1, count: tokens)
    var stages = [UInt8](repeating: 0, count: tokens)
    var carried: [[UInt16]] = []
    var lastRow: [UInt64: (row: Int, position: Int)] = [:]
    var ended: Set<UInt64> = []
    var first = 0
    for run in block.runs {
      clock += UInt64(run.count)
      if run.count > 0 {
        if let last = lastRow[run.request] {
          if last.position + 1 == run.firstToken { previous[first] = Int32(last.row) }
        } else if let entry = entries[run.request], entry.nextToken == run.firstToken {
          previous[first] = Int32(tokens + carried.count)
          carried.append(entry.ids)
        }
        for token in first..<first + run.count {
          if token > first { previous[token] = Int32(token - 1) }
          stages[token] = run.stage.rawValue
        }
        first += run.count
        lastRow[run.request] = (first - 1, run.firstToken + run.count - 1)
      }
      if run.endsRequest {
        ended.insert(run.request)
        lastRow[run.request] = nil
        entries[run.request] = nil
      } else if run.count > 0 {
        ended.remove(run.request)
        entries[run.request] = Entry(
          request: run.request, nextToken: run.firstToken + run.count, age: clock, ids: [])
      }
    }
    for (request, last) in lastRow where !ended.contains(request) {
      entries[request]?.ids = Self.ids(of: last.row, in: block)
    }
    forgetOldest()
    return EventBlock(
      shape: block.shape, tokens: tokens, rows: tokens + carried.count,
      ids: Self.rows(of: block, carried: carried), previous: previous, stages: stages,
      isFull: block.isFull && !carried.contains { $0.contains(TokenBlock.emptySlot) },
      runs: block.runs, labels: block.labels)
  }

  private mutating func forgetOldest() {
    guard entries.count > capacity else { return }
    for entry in remembered.prefix(entries.count - capacity) { entries[entry.request] = nil }
  }

  private static func ids(of token: Int, in block: TokenBlock) -> [UInt16] {
    let topK = block.shape.topK
    return (0..<block.shape.layers).flatMap { layer in
      let at = (layer * block.tokens + token) * topK
      return block.ids[at..<at + topK]
    }
  }

  /// The block's ids with the carried tokens' rows behind each layer's.
  private static func rows(of block: TokenBlock, carried: [[UInt16]]) -> [UInt16] {
    guard !carried.isEmpty else { return block.ids }
    let topK = block.shape.topK
    let stride = block.tokens * topK
    var ids: [UInt16] = []
    ids.reserveCapacity(block.ids.count + carried.count * block.shape.idsPerToken)
    for layer in 0..<block.shape.layers {
      ids.append(contentsOf: block.ids[layer * stride..<(layer + 1) * stride])
      for row in carried { ids.append(contentsOf: row[layer * topK..<(layer + 1) * topK]) }
    }
    return ids
  }
}
