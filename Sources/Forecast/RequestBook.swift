/// What is remembered of a bounded number of requests under way: when one more comes, the one that was
/// longest unheard of is forgotten.
///
/// Every step takes the same time, however many requests there are: they are chained from the one
/// longest unheard of to the latest.
package struct RequestBook<Value: Hashable & Sendable>: Sendable {
  private struct Place {
    var request: UInt64
    /// Nil where the place is unused.
    var value: Value?
    /// Neighbours in the chain, or -1.
    var older: Int
    var newer: Int
  }

  /// Requests remembered at most.
  package let capacity: Int
  private var indices: [UInt64: Int] = [:]
  private var places: [Place] = []
  private var unused: [Int] = []
  private var oldest = -1
  private var latest = -1

  /// An empty book for `capacity` requests, at least 1.
  package init(capacity: Int) { self.capacity = max(1, capacity) }

  /// Requests remembered.
  package var count: Int { indices.count }

  /// What is remembered of a request, nil where nothing is; reading does not count as hearing of it.
  package subscript(request: UInt64) -> Value? {
    indices[request].flatMap { places[$0].value }
  }

  /// Changes what is remembered of a request without counting as hearing of it.
  package mutating func update(_ request: UInt64, _ body: (inout Value) -> Void) {
    guard let index = indices[request], var value = places[index].value else { return }
    places[index].value = nil
    body(&value)
    places[index].value = value
  }

  /// Remembers `value` as of the request that was heard of last.
  ///
  /// - Returns: who was forgotten to make room, if anybody was.
  @discardableResult
  package mutating func note(
    _ request: UInt64, _ value: Value
  ) -> (request: UInt64, value: Value)? {
    if let index = indices[request] {
      unchain(index)
      places[index].value = value
      chain(index)
      return nil
    }
    let forgotten = count < capacity ? nil : removeOldest()
    let place = Place(request: request, value: value, older: -1, newer: -1)
    let index: Int
    if let free = unused.popLast() {
      index = free
      places[index] = place
    } else {
      index = places.count
      places.append(place)
    }
    indices[request] = index
    chain(index)
    return forgotten
  }

  /// Forgets a request; nil where it was not known.
  @discardableResult
  package mutating func remove(_ request: UInt64) -> Value? {
    guard let index = indices.removeValue(forKey: request) else { return nil }
    unchain(index)
    unused.append(index)
    defer { places[index].value = nil }
    return places[index].value
  }

  /// Forgets the request that was longest unheard of; nil where there is none.
  package mutating func removeOldest() -> (request: UInt64, value: Value)? {
    guard oldest >= 0 else { return nil }
    let request = places[oldest].request
    return remove(request).map { (request, $0) }
  }

  /// Everybody who is remembered, the one longest unheard of first.
  package var entries: [(request: UInt64, value: Value)] {
    var entries: [(request: UInt64, value: Value)] = []
    entries.reserveCapacity(count)
    var index = oldest
    while index >= 0 {
      if let value = places[index].value { entries.append((places[index].request, value)) }
      index = places[index].newer
    }
    return entries
  }

  private mutating func unchain(_ index: Int) {
    let (older, newer) = (places[index].older, places[index].newer)
    if older >= 0 { places[older].newer = newer } else { oldest = newer }
    if newer >= 0 { places[newer].older = older } else { latest = older }
  }

  private mutating func chain(_ index: Int) {
    places[index].older = latest
    places[index].newer = -1
    if latest >= 0 { places[latest].newer = index } else { oldest = index }
    latest = index
  }
}

/// Books are equal where they remember the same in the same order.
extension RequestBook: Hashable {
  package static func == (left: Self, right: Self) -> Bool {
    left.capacity == right.capacity
      && left.entries.elementsEqual(right.entries) { $0 == $1 }
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(capacity)
    for (request, value) in entries {
      hasher.combine(request)
      hasher.combine(value)
    }
  }
}
