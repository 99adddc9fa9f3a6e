import RoutingTrace

/// Ids and gate weights of a request's events, layer by layer: a column a layer, its tokens one behind
/// the other, all in one piece of memory.
///
/// Slots that nobody filled are empty, and their weights 0.
struct EventGrid {
  /// Ids in an event (K).
  let topK: Int
  /// Whether there are gate weights.
  private(set) var isWeighted = false
  /// Columns (layers).
  private(set) var columns = 0

  /// Tokens for which every column has room.
  private var room = 0
  /// `[column, token, slot]`.
  private var ids: [UInt16] = []
  /// The same of weights, where there are any.
  private var weights: [Float16] = []

  init(topK: Int) { self.topK = topK }

  /// Adds a column of empty events.
  mutating func addColumn() {
    columns += 1
    ids += repeatElement(TokenBlock.emptySlot, count: room * topK)
    if isWeighted { weights += repeatElement(0, count: room * topK) }
  }

  /// Gives weight 0 to all that is there without weights.
  mutating func beWeighted() {
    guard !isWeighted else { return }
    isWeighted = true
    weights = Array(repeating: 0, count: ids.count)
  }

  /// Makes room for `tokens` in every column.
  @inline(__always)
  mutating func makeRoom(for tokens: Int) {
    if tokens > room { grow(to: tokens) }
  }

  private mutating func grow(to tokens: Int) {
    let before = room
    // An odd number: columns a power of two apart would drive each other out of the processor's caches.
    room = max(tokens, 2 * before + 5) | 1
    ids = spread(ids, from: before, filling: TokenBlock.emptySlot)
    if isWeighted { weights = spread(weights, from: before, filling: 0) }
  }

  /// `values` in columns that had room for `before` tokens, with room for more.
  private func spread<Value>(_ values: [Value], from before: Int, filling: Value) -> [Value] {
    let (old, new) = (before * topK, room * topK)
    return Array(unsafeUninitializedCapacity: columns * new) { target, filled in
      for column in 0..<columns {
        let part = UnsafeMutableBufferPointer(rebasing: target[column * new..<(column + 1) * new])
        _ = part[..<old].initialize(fromContentsOf: values[column * old..<(column + 1) * old])
        part[old...].initialize(repeating: filling)
      }
      filled = target.count
    }
  }

  /// Puts events of a column, its tokens from `token` on, for which there is room.
  @inline(__always)
  mutating func put(_ events: UnsafeBufferPointer<UInt16>, at token: Int, of column: Int) {
    Self.copy(events, into: &ids, at: (column &* room &+ token) &* topK)
  }

  /// The same of weights.
  @inline(__always)
  mutating func put(weights events: UnsafeBufferPointer<Float16>, at token: Int, of column: Int) {
    Self.copy(events, into: &weights, at: (column &* room &+ token) &* topK)
  }

  /// Runs once an event, hence the pointers.
  @inline(__always)
  private static func copy<Value>(
    _ events: UnsafeBufferPointer<Value>, into values: inout [Value], at start: Int
  ) {
    precondition(start >= 0 && start &+ events.count <= values.count, "there is room")
    values.withUnsafeMutableBufferPointer { values in
      var slot = 0
      while slot < events.count {
        values[start &+ slot] = events[slot]
        slot &+= 1
      }
    }
  }

  /// Whether an event has any id.
  @inline(__always)
  func holds(_ token: Int, of column: Int) -> Bool {
    let start = (column * room + token) * topK
    return ids[start..<start + topK].contains { $0 != TokenBlock.emptySlot }
  }

  /// Makes an empty event at `token` of a column of `tokens`, for one more of which there is room.
  mutating func insert(at token: Int, of column: Int, tokens: Int) {
    let (topK, start) = (topK, (column * room + token) * topK)
    let count = (tokens - token) * topK
    precondition(tokens < room && column < columns, "there is room")
    func shift<Value>(_ values: inout [Value], filling: Value) {
      values.withUnsafeMutableBufferPointer { values in
        let rest = values[start...].prefix(count)
        guard let first = UnsafeMutableBufferPointer(rebasing: rest).baseAddress else { return }
        (first + topK).update(from: first, count: count)
        first.update(repeating: filling, count: topK)
      }
    }
    shift(&ids, filling: TokenBlock.emptySlot)
    if isWeighted { shift(&weights, filling: 0) }
  }

  /// Puts the first `tokens` of another's column behind the first `start` of a column.
  mutating func put(
    _ tokens: Int, of column: Int, from other: EventGrid, at start: Int, of own: Int
  ) {
    makeRoom(for: start + tokens)
    let part = column * other.room * topK..<(column * other.room + tokens) * topK
    other.ids.withUnsafeBufferPointer {
      put(UnsafeBufferPointer(rebasing: $0[part]), at: start, of: own)
    }
    guard other.isWeighted else { return }
    other.weights.withUnsafeBufferPointer {
      put(weights: UnsafeBufferPointer(rebasing: $0[part]), at: start, of: own)
    }
  }

  /// All ids, or weights, of `tokens` in token-major order, the columns in that of `order`; nil stands for
  /// a column of empty events.
  func ids(of tokens: Int, order: [Int?]) -> [UInt16] {
    tokenMajor(
      ids, columns: starts(of: order), tokens: tokens, topK: topK, empty: TokenBlock.emptySlot)
  }

  /// The same of weights, where there are any.
  func weights(of tokens: Int, order: [Int?]) -> [Float16]? {
    guard isWeighted else { return nil }
    return tokenMajor(weights, columns: starts(of: order), tokens: tokens, topK: topK, empty: 0)
  }

  private func starts(of order: [Int?]) -> [Int?] { order.map { $0.map { $0 * room * topK } } }
}
