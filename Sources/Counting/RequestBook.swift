import RoutingTrace

/// The requests under way: who they are, where their state lies, and the last token of each, so
/// that a request may span chunks and interleave with others.
///
/// ```swift
/// var book = RequestBook()
/// while let chunk = try stream.next() {
///   let block = book.resolve(chunk.block)
///   print(block.tokens, book.count)
/// }
/// ```
///
/// Every request has a *place*, a small number by which everybody else keeps state of it. At most
/// ``capacity`` requests are remembered; when one more comes, the one whose last token is longest
/// ago gives up its place, and its next token counts as a first one. Requests that end give up
/// theirs at once. All of this follows the order of the tokens alone, so a chunk may be cut
/// anywhere without changing anything.
///
/// A request costs the same time to find, however many there are: they are chained from the one
/// whose last token is longest ago to the latest.
public struct RequestBook: Sendable {
  /// What is remembered of one request.
  public struct Entry: Hashable, Sendable {
    /// The request's number in its stream.
    public var request: UInt64
    /// Where its state lies, below ``RequestBook/places``.
    public var place: Int
    /// The position its next token must have to count as following.
    public var nextToken: Int
    /// The stage of its last token.
    public var stage: Stage
    /// ``TaskName/hash(_:)`` of its task; 0 for none.
    public var task: UInt64
    /// Expert ids of its last token, `[layer, slot]`: `layers * topK` values.
    public var ids: [UInt16]

    /// An entry of these values, such as a checkpoint holds.
    public init(
      request: UInt64, place: Int, nextToken: Int, stage: Stage, task: UInt64, ids: [UInt16]
    ) {
      self.request = request
      self.place = place
      self.nextToken = nextToken
      self.stage = stage
      self.task = task
      self.ids = ids
    }
  }

  /// A place: who has it, and its neighbours in the chain.
  private struct Place {
    /// The request that has the place; nil where none has.
    var entry: Entry?
    /// The row of the entry's last token in the block that is being resolved, or -1: then its ids
    /// are in the entry.
    var row = -1
    /// Neighbours in the chain, or -1.
    var older = -1
    var newer = -1
  }

  /// Requests remembered unless told otherwise.
  public static let standardCapacity = 4096

  /// Requests remembered at most.
  public let capacity: Int
  /// The place of every request that is remembered, by its number.
  private var indices: [UInt64: Int] = [:]
  /// All places that requests have ever had, chained by the time of their last token.
  private var chain: [Place] = []
  /// Places without a request; the last is given next.
  public private(set) var free: [Int] = []
  /// The place of the request whose last token is longest ago, or -1.
  private var oldest = -1
  /// The place of the request that had a token last, or -1.
  private var latest = -1

  /// A book that remembers no request yet, and at most `capacity`, at least 1.
  public init(capacity: Int = standardCapacity) { self.capacity = max(1, capacity) }

  /// Takes up where ``entries`` and ``free`` left off.
  ///
  /// - Parameter entries: the one whose last token is longest ago first.
  /// - Returns: nil unless every place from 0 on is one entry's or free, and nobody is named twice.
  /// - Complexity: O(`entries` + `free`).
  public init?(capacity: Int, entries: [Entry], free: [Int]) {
    self.init(capacity: capacity)
    let places = entries.count + free.count
    guard places <= self.capacity,
      Set(entries.map(\.place) + free) == Set(0..<places),
      Set(entries.map(\.request)).count == entries.count
    else { return nil }
    chain = Array(repeating: Place(), count: places)
    self.free = free
    for entry in entries {
      chain[entry.place].entry = entry
      indices[entry.request] = entry.place
      link(entry.place)
    }
  }

  /// Places that requests have ever had: whoever keeps state by place needs room for as many.
  public var places: Int { chain.count }

  /// Requests remembered.
  public var count: Int { indices.count }

  /// Everybody who is remembered, the one whose last token is longest ago first; what a checkpoint
  /// writes.
  ///
  /// - Complexity: O(requests remembered).
  public var entries: [Entry] {
    var entries: [Entry] = []
    entries.reserveCapacity(count)
    var place = oldest
    while place >= 0 {
      if let entry = chain[place].entry { entries.append(entry) }
      place = chain[place].newer
    }
    return entries
  }

  /// The book for another stream: of the same capacity, and nobody in it.
  public var emptied: RequestBook { RequestBook(capacity: capacity) }
}

extension RequestBook {
  /// Finds every token's predecessor and owner in `block`, and remembers the last tokens of its
  /// requests.
  ///
  /// - Complexity: O(`layers` x `topK` x (tokens + runs)): ids are copied once.
  public mutating func resolve(_ block: TokenBlock) -> EventBlock {
    let tokens = block.tokens
    var previous = [Int32](repeating: -1, count: tokens)
    var stages = [UInt8](repeating: 0, count: tokens)
    var owners: [TokenOwner] = []
    owners.reserveCapacity(tokens)
    var runOwners: [RunOwner] = []
    runOwners.reserveCapacity(block.runs.count)
    var carried: [[UInt16]] = []
    var heard: [Int] = []
    var tasks: [UInt64: UInt64] = [:]
    for label in block.labels where !label.task.isEmpty {
      tasks[label.request] = TaskName.hash(label.task)
    }
    for run in block.runs {
      let first = owners.count
      guard run.count > 0 else {
        runOwners.append(owner(ofEmpty: run))
        if run.endsRequest { forget(run.request) }
        continue
      }
      let (place, isNew, displaces) = hear(of: run)
      let before = entry(at: place)
      let isFirst = isNew || before.nextToken != run.firstToken
      if !isFirst {
        if chain[place].row < 0 {
          previous[first] = Int32(tokens + carried.count)
          carried.append(before.ids)
        } else {
          previous[first] = Int32(chain[place].row)
        }
      }
      // The task is told once, where the request begins; a request that was forgotten has lost its
      // task too.
      let task = tasks.removeValue(forKey: run.request) ?? before.task
      var owner = TokenOwner(
        place: Int32(place), task: TaskName.bucket(task), isFirst: isFirst,
        entersDecode: !isNew && before.stage == .prefill && run.stage == .decode)
      for token in first..<first + run.count {
        owners.append(owner)
        (owner.isFirst, owner.entersDecode) = (false, false)
        if token > first { previous[token] = Int32(token - 1) }
        stages[token] = run.stage.rawValue
      }
      if chain[place].row < 0 { heard.append(place) }
      chain[place].row = owners.count - 1
      chain[place].entry = Entry(
        request: run.request, place: place, nextToken: run.firstToken + run.count,
        stage: run.stage, task: task, ids: [])
      runOwners.append(
        RunOwner(place: place, task: task, isNew: isNew, displaces: displaces))
      if run.endsRequest { forget(run.request) }
    }
    for place in heard where chain[place].row >= 0 {
      let ids = Self.ids(of: chain[place].row, in: block)
      chain[place].entry?.ids = ids
      chain[place].row = -1
    }
    return EventBlock(
      shape: block.shape, tokens: tokens, rows: tokens + carried.count,
      ids: Self.rows(of: block, carried: carried), previous: previous, stages: stages,
      owners: owners,
      isFull: block.isFull && !carried.contains { $0.contains(TokenBlock.emptySlot) },
      runs: block.runs, runOwners: runOwners, labels: block.labels, places: places)
  }

  /// The owner of a run without tokens, which makes no place for its request.
  private func owner(ofEmpty run: TokenRun) -> RunOwner {
    let place = indices[run.request]
    return RunOwner(
      place: place ?? -1, task: place.flatMap { chain[$0].entry?.task } ?? 0, isNew: false,
      displaces: false)
  }

  /// The place of a run's request, which is the latest from now on, whether it is new there, and
  /// whether another was forgotten for it.
  private mutating func hear(
    of run: TokenRun
  ) -> (place: Int, isNew: Bool, displaces: Bool) {
    if let place = indices[run.request] {
      unlink(place)
      link(place)
      return (place, false, false)
    }
    var displaces = false
    if count == capacity, oldest >= 0, let request = chain[oldest].entry?.request {
      forget(request)
      displaces = true
    }
    let place = free.popLast() ?? chain.count
    if place == chain.count { chain.append(Place()) }
    chain[place] = Place()
    chain[place].entry = Entry(
      request: run.request, place: place, nextToken: 0, stage: .prefill, task: 0, ids: [])
    indices[run.request] = place
    link(place)
    return (place, true, displaces)
  }

  /// Who has the place, which must be taken.
  private func entry(at place: Int) -> Entry {
    chain[place].entry
      ?? Entry(request: 0, place: place, nextToken: 0, stage: .prefill, task: 0, ids: [])
  }

  /// Gives up the place of a request.
  private mutating func forget(_ request: UInt64) {
    guard let place = indices.removeValue(forKey: request) else { return }
    unlink(place)
    chain[place] = Place()
    free.append(place)
  }

  /// Takes a place out of the chain.
  private mutating func unlink(_ place: Int) {
    let (older, newer) = (chain[place].older, chain[place].newer)
    if older >= 0 { chain[older].newer = newer } else { oldest = newer }
    if newer >= 0 { chain[newer].older = older } else { latest = older }
  }

  /// Puts a place at the end of the chain, as the latest.
  private mutating func link(_ place: Int) {
    chain[place].older = latest
    chain[place].newer = -1
    if latest >= 0 { chain[latest].newer = place } else { oldest = place }
    latest = place
  }

  /// A token's ids in all layers, `[layer, slot]`.
  private static func ids(of token: Int, in block: TokenBlock) -> [UInt16] {
    var ids: [UInt16] = []
    ids.reserveCapacity(block.shape.idsPerToken)
    for layer in 0..<block.shape.layers { ids += block.ids[block.slots[layer, token]] }
    return ids
  }

  /// The block's ids with the carried tokens' rows behind each layer's.
  private static func rows(of block: TokenBlock, carried: [[UInt16]]) -> [UInt16] {
    guard !carried.isEmpty else { return block.ids }
    let topK = block.shape.topK
    var ids: [UInt16] = []
    ids.reserveCapacity(block.ids.count + carried.count * block.shape.idsPerToken)
    for layer in 0..<block.shape.layers {
      ids.append(contentsOf: block.ids[block.slots[layer, rows: 0..<block.tokens]])
      for row in carried { ids.append(contentsOf: row[layer * topK..<(layer + 1) * topK]) }
    }
    return ids
  }
}

/// Books are equal where they remember the same in the same order and places, and give the same
/// places next.
extension RequestBook: Hashable {
  /// Whether both remember the same requests in the same order and places, and will give the same
  /// places next.
  public static func == (left: Self, right: Self) -> Bool {
    left.capacity == right.capacity && left.free == right.free && left.entries == right.entries
  }

  /// Feeds capacity, free places and entries to `hasher`.
  public func hash(into hasher: inout Hasher) {
    hasher.combine(capacity)
    hasher.combine(free)
    hasher.combine(entries)
  }
}
