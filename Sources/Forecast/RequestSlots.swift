import RoutingTrace

/// Which of a bounded number of places holds the state of which request under way.
///
/// Requests that end give up their place at once; when all are taken, the request that was longest
/// unheard of gives up its own, and its next token counts as a first one.
struct RequestSlots: Hashable, Sendable {
  /// What is known of one request.
  struct Entry: Hashable, Sendable {
    var slot: Int
    /// Grows with every run; the smallest is forgotten first.
    var age: UInt64
    var nextToken: Int
    var stage: Stage
    /// 1 + the bucket of its task's name, or 0.
    var task: Int
  }

  /// Buckets for task names.
  static let tasks = 64

  var capacity: Int { entries.capacity }
  let keepsPrefill: Bool
  var entries: RequestBook<Entry>
  var free: [Int] = []
  /// Places ever used.
  var used = 0
  var clock: UInt64 = 0

  init(capacity: Int, keepsPrefill: Bool) {
    entries = RequestBook(capacity: capacity)
    self.keepsPrefill = keepsPrefill
  }

  /// Finds every token's owner and keeps the book of requests that begin and end.
  mutating func resolve(_ block: EventBlock) -> [TokenOwner] {
    var owners: [TokenOwner] = []
    owners.reserveCapacity(block.tokens)
    var tasks: [UInt64: Int] = [:]
    for label in block.labels where !label.task.isEmpty {
      tasks[label.request] = 1 + Self.bucket(label.task)
    }
    for run in block.runs {
      if run.count > 0 {
        var isFresh = block.previous[owners.count] < 0
        var entry = entries[run.request] ?? newEntry(&isFresh)
        if entry.nextToken != run.firstToken { isFresh = true }
        if !keepsPrefill, run.stage == .decode, entry.stage == .prefill { isFresh = true }
        if let task = tasks[run.request] { entry.task = task }
        clock += 1
        entry.age = clock
        entry.nextToken = run.firstToken + run.count
        entry.stage = run.stage
        entries.note(run.request, entry)
        for token in 0..<run.count {
          owners.append(
            TokenOwner(
              slot: Int32(entry.slot), task: Int32(entry.task), isFresh: isFresh && token == 0))
        }
      }
      if run.endsRequest, let entry = entries.remove(run.request) {
        free.append(entry.slot)
      }
    }
    return owners
  }

  private mutating func newEntry(_ isFresh: inout Bool) -> Entry {
    isFresh = true
    let slot: Int
    if let last = free.popLast() {
      slot = last
    } else if used < capacity {
      slot = used
      used += 1
    } else {
      slot = entries.removeOldest()?.value.slot ?? 0
    }
    return Entry(slot: slot, age: 0, nextToken: 0, stage: .prefill, task: 0)
  }

  /// FNV-1a of the name, in ``tasks`` buckets.
  private static func bucket(_ name: String) -> Int {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return Int((hash ^ (hash >> 32)) % UInt64(tasks))
  }
}
