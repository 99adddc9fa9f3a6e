/// The LLCs of all nodes: which chunks each holds, least recently used first out.
///
/// Entries are numbered by (node, expert, chunk), so that one index serves all nodes; each node has
/// its own list of slots in order of use. Raw memory for the event loop.
struct LeastRecentCache: ~Copyable {
  /// Slot of every entry within its node, or -1.
  private let slotOf: UnsafeMutablePointer<Int32>
  private let entryOf: UnsafeMutablePointer<Int32>
  private let arrival: UnsafeMutablePointer<Double>
  private let newer: UnsafeMutablePointer<Int32>
  private let older: UnsafeMutablePointer<Int32>
  private let newest: UnsafeMutablePointer<Int32>
  private let oldest: UnsafeMutablePointer<Int32>
  private let used: UnsafeMutablePointer<Int32>
  private let slots: Int

  init(nodes: Int, slots: Int, entries: Int) {
    self.slots = slots
    func array(_ count: Int, _ value: Int32) -> UnsafeMutablePointer<Int32> {
      let array = UnsafeMutablePointer<Int32>.allocate(capacity: max(1, count))
      array.initialize(repeating: value, count: max(1, count))
      return array
    }
    slotOf = array(entries, -1)
    entryOf = array(nodes * slots, -1)
    newer = array(nodes * slots, -1)
    older = array(nodes * slots, -1)
    newest = array(nodes, -1)
    oldest = array(nodes, -1)
    used = array(nodes, 0)
    arrival = .allocate(capacity: max(1, nodes * slots))
    arrival.initialize(repeating: 0, count: max(1, nodes * slots))
  }

  deinit {
    for array in [slotOf, entryOf, newer, older, newest, oldest, used] { array.deallocate() }
    arrival.deallocate()
  }

  /// When the entry arrived or will arrive, made the newest; nil if it is not held.
  @inline(__always)
  func touch(_ entry: Int32, at node: Int) -> Double? {
    let slot = slotOf[Int(entry)]
    if slot < 0 { return nil }
    if newest[node] != slot {
      unlink(slot, node)
      link(slot, node)
    }
    return arrival[Int(slot)]
  }

  /// Holds a new entry in place of the oldest one if the node is full.
  @inline(__always)
  func insert(_ entry: Int32, arriving time: Double, at node: Int) {
    let slot: Int32
    if Int(used[node]) < slots {
      slot = Int32(node * slots) + used[node]
      used[node] += 1
    } else {
      slot = oldest[node]
      unlink(slot, node)
      slotOf[Int(entryOf[Int(slot)])] = -1
    }
    entryOf[Int(slot)] = entry
    slotOf[Int(entry)] = slot
    arrival[Int(slot)] = time
    link(slot, node)
  }

  @inline(__always)
  private func unlink(_ slot: Int32, _ node: Int) {
    let (before, after) = (older[Int(slot)], newer[Int(slot)])
    if before < 0 { oldest[node] = after } else { newer[Int(before)] = after }
    if after < 0 { newest[node] = before } else { older[Int(after)] = before }
  }

  @inline(__always)
  private func link(_ slot: Int32, _ node: Int) {
    let last = newest[node]
    older[Int(slot)] = last
    newer[Int(slot)] = -1
    newest[node] = slot
    if last < 0 { oldest[node] = slot } else { newer[Int(last)] = slot }
  }
}
