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

  /// What the book holds of one request.
  private struct Last: Hashable, Sendable {
    var nextToken: Int
    var age: UInt64
    /// Empty while the token is one of the block that is being resolved.
    var ids: [UInt16]
    /// The token's row in that block.
    var row: Int?
  }

  /// Requests remembered at most.
  public var capacity: Int { book.capacity }
  private var book: RequestBook<Last>
  /// Tokens of the stream so far.
  public private(set) var clock: UInt64 = 0

  /// Remembers no request yet, and `capacity` at most, at least 1.
  public init(capacity: Int = 4096) { book = RequestBook(capacity: capacity) }

  /// Takes up where ``remembered`` and ``clock`` left off.
  public init(capacity: Int, entries: [Entry], clock: UInt64) {
    self.init(capacity: capacity)
    for entry in entries.sorted(by: { $0.age < $1.age }) {
      book.note(entry.request, Last(nextToken: entry.nextToken, age: entry.age, ids: entry.ids))
    }
    self.clock = clock
  }

  /// Everything remembered, oldest first.
  public var remembered: [Entry] {
    book.entries.map {
      Entry(
        request: $0.request, nextToken: $0.value.nextToken, age: $0.value.age, ids: $0.value.ids)
    }
  }

  /// Finds every token's predecessor in `block` and remembers the last tokens of its requests.
  ///
  /// Who is forgotten depends on the order of the runs alone, not on where blocks begin.
  public mutating func resolve(_ block: TokenBlock) -> EventBlock {
    let tokens = block.tokens
    var previous = [Int32](repeating: -1, count: tokens)
    var stages = [UInt8](repeating: 0, count: tokens)
    var carried: [[UInt16]] = []
    var heard: Set<UInt64> = []
    var first = 0
    for run in block.runs {
      clock += UInt64(run.count)
      if run.count > 0 {
        if let last = book[run.request], last.nextToken == run.firstToken {
          previous[first] = Int32(last.row ?? tokens + carried.count)
          if last.row == nil { carried.append(last.ids) }
        }
        for token in first..<first + run.count {
          if token > first { previous[token] = Int32(token - 1) }
          stages[token] = run.stage.rawValue
        }
        first += run.count
        book.note(
          run.request,
          Last(nextToken: run.firstToken + run.count, age: clock, ids: [], row: first - 1))
        heard.insert(run.request)
      }
      if run.endsRequest { book.remove(run.request) }
    }
    for request in heard {
      book.update(request) { last in
        last.ids = last.row.map { Self.ids(of: $0, in: block) } ?? last.ids
        last.row = nil
      }
    }
    return EventBlock(
      shape: block.shape, tokens: tokens, rows: tokens + carried.count,
      ids: Self.rows(of: block, carried: carried), previous: previous, stages: stages,
      isFull: block.isFull && !carried.contains { $0.contains(TokenBlock.emptySlot) },
      runs: block.runs, labels: block.labels)
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
