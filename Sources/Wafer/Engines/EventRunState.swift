/// A chunk on its way.
struct Flight {
  /// Waiting at the source's LLC and HBM.
  static let atMemory: Int32 = -1
  /// Computed; the die may ask for another.
  static let computed: Int32 = -2
  /// Brought to the die by other traffic, or about to be.
  static let here: Int32 = -3

  var task: Int32
  var chunk: Int32
  /// Where the chunk is: a position in the fabric's ways, or one of the three above.
  var step: Int32
}

/// When each server is free and how long it was busy, as raw arrays for the event loop.
struct RunState: ~Copyable {
  let memoryFree: UnsafeMutablePointer<Double>
  let memoryBusy: UnsafeMutablePointer<Double>
  /// Seconds a chunk needs of every memory; links likewise.
  let memoryChunk: UnsafeMutablePointer<Double>
  let memoryLatency: UnsafeMutablePointer<Double>
  let linkFree: UnsafeMutablePointer<Double>
  let linkBusy: UnsafeMutablePointer<Double>
  let linkChunk: UnsafeMutablePointer<Double>
  let linkLatency: UnsafeMutablePointer<Double>
  let computeFree: UnsafeMutablePointer<Double>
  let computeBusy: UnsafeMutablePointer<Double>
  let cursor: UnsafeMutablePointer<Int32>
  let cursorEnd: UnsafeMutablePointer<Int32>
  let cursorChunk: UnsafeMutablePointer<Int32>
  let flights: UnsafeMutablePointer<Flight>

  init(fabric: Fabric, chunkBytes: Double, flights count: Int) {
    func array<Element>(_ count: Int, _ value: Element) -> UnsafeMutablePointer<Element> {
      let array = UnsafeMutablePointer<Element>.allocate(capacity: max(1, count))
      array.initialize(repeating: value, count: max(1, count))
      return array
    }
    func array(_ values: [Double]) -> UnsafeMutablePointer<Double> {
      let filled = array(values.count, 0.0)
      for (index, value) in values.enumerated() { filled[index] = value }
      return filled
    }
    memoryFree = array(fabric.nodes, 0)
    memoryBusy = array(fabric.nodes, 0)
    memoryChunk = array(fabric.memoryBandwidth.map { chunkBytes / $0 })
    memoryLatency = array(fabric.memoryLatency)
    linkFree = array(fabric.links, 0)
    linkBusy = array(fabric.links, 0)
    linkChunk = array(fabric.linkBandwidth.map { chunkBytes / $0 })
    linkLatency = array(fabric.linkLatency)
    computeFree = array(fabric.dies, 0)
    computeBusy = array(fabric.dies, 0)
    cursor = array(fabric.dies, 0)
    cursorEnd = array(fabric.dies, 0)
    cursorChunk = array(fabric.dies, 0)
    flights = array(count, Flight(task: 0, chunk: 0, step: 0))
  }

  deinit {
    for array in [
      memoryFree, memoryBusy, memoryChunk, memoryLatency, linkFree, linkBusy, linkChunk,
      linkLatency, computeFree, computeBusy,
    ] { array.deallocate() }
    for array in [cursor, cursorEnd, cursorChunk] { array.deallocate() }
    flights.deallocate()
  }

  /// The link rule: chunks cross one after another in the order in which they came; a chunk holds
  /// the link for its bytes' time and is at the far end a latency after that.
  ///
  /// - Returns: When the chunk is at the far end.
  @inline(__always)
  func cross(_ link: Int, at now: Double) -> Double {
    let free = max(now, linkFree[link]) + linkChunk[link]
    linkFree[link] = free
    linkBusy[link] += linkChunk[link]
    return free + linkLatency[link]
  }

  func sum(into result: inout LayerResult, fabric: Fabric) {
    let compute = UnsafeBufferPointer(start: computeBusy, count: fabric.dies)
    let memory = UnsafeBufferPointer(start: memoryBusy, count: fabric.nodes)
    let link = UnsafeBufferPointer(start: linkBusy, count: fabric.links)
    result.computeSeconds = compute.max() ?? 0
    result.memorySeconds = memory.max() ?? 0
    result.linkSeconds = link.max() ?? 0
    result.meanComputeSeconds = compute.reduce(0, +) / Double(fabric.dies)
    result.meanLinkSeconds = link.isEmpty ? 0 : link.reduce(0, +) / Double(link.count)
  }
}

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
