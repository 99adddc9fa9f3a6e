/// Events by time, the one put in first among those of the same time: a binary heap.
struct EventHeap<Event> {
  private struct Entry {
    let time: Double
    let number: Int
    let event: Event

    func precedes(_ other: Entry) -> Bool {
      time != other.time ? time < other.time : number < other.number
    }
  }

  private var entries: [Entry] = []
  private var inserted = 0

  /// - Complexity: O(log n).
  mutating func insert(_ event: Event, at time: Double) {
    let entry = Entry(time: time, number: inserted, event: event)
    inserted += 1
    var place = entries.count
    entries.append(entry)
    while place > 0, entry.precedes(entries[(place - 1) / 2]) {
      entries[place] = entries[(place - 1) / 2]
      place = (place - 1) / 2
    }
    entries[place] = entry
  }

  /// Takes the next event; nil where there is none.
  ///
  /// - Complexity: O(log n).
  mutating func take() -> (time: Double, event: Event)? {
    guard let first = entries.first, let last = entries.popLast() else { return nil }
    guard !entries.isEmpty else { return (first.time, first.event) }
    var place = 0
    while true {
      var child = 2 * place + 1
      guard child < entries.count else { break }
      if child + 1 < entries.count, entries[child + 1].precedes(entries[child]) { child += 1 }
      guard entries[child].precedes(last) else { break }
      entries[place] = entries[child]
      place = child
    }
    entries[place] = last
    return (first.time, first.event)
  }
}
