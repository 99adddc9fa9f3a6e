/// Transfers beside a layer's demand, event by event: the lowest priority there is.
///
/// Every die fetches the chunks of its most promising transfer, a few at a time. A chunk takes a
/// memory or a link only when that is idle, and looks again when it is free next; so demand waits for
/// a chunk already being served at most, and a transfer is preempted between any two chunks. Chunks of
/// one transfer are alike and count as they arrive.
///
/// A transfer whose expert the layer itself reads is attached to that task: the die takes the chunks
/// that are there, waits for those on their way, and asks for the rest itself; then the transfer asks
/// for no more.
struct TransferTraffic: BackgroundTraffic {
  /// Chunks that a die's transfers have asked for and not yet received, at most.
  static let window = 4
  static var isPresent: Bool { true }

  /// A transfer under way.
  struct Moving {
    var transfer: Transfer
    /// Chunks asked for, with those that have come.
    var asked: Int
    var mayAsk = true
    /// Demand's flights that wait for its next chunks, and how many have been served.
    var waiting: [Int32] = []
    var served = 0
  }

  /// What transfers have brought, or may bring, of a task's weights.
  struct Attached {
    let die: Int
    /// Chunks that were at the die when the layer began.
    var before = 0
    /// What transfers bring waits in HBM, not in the LLC.
    var isInHBM = false
    /// The transfer that brings more.
    var moving: Int?
    // How the read went: chunks found, waited for, and asked for from elsewhere.
    var found = 0
    var waited = 0
    var elsewhere = 0
    /// When the die first asked for a chunk that was not there, and when the last such chunk came.
    var firstLack: Double?
    var lastArrival = 0.0

    /// Seconds from the first chunk that was not there to the last that came.
    var lateSeconds: Double { firstLack.map { max(0, lastArrival - $0) } ?? 0 }
  }

  /// A chunk on its way between two layers.
  struct Carried {
    let key: Int
    let die: Int
    let target: Transfer.Target
    let step: Int32
    /// When it goes on, counted from the next layer's beginning.
    var seconds: Double
  }

  /// What a layer leaves to the next one.
  struct CarriedOver {
    var chunks: [Carried] = []
    /// Seconds that chunks still hold each memory and link.
    var memory: [Double]
    var link: [Double]

    /// Nothing.
    init(on fabric: Fabric) {
      memory = Array(repeating: 0, count: fabric.nodes)
      link = Array(repeating: 0, count: fabric.links)
    }
  }

  private(set) var moving: [Moving]
  private(set) var attached: [Attached]
  /// Transfers that have arrived whole, in order.
  private(set) var completed: [Int] = []
  private(set) var remains: CarriedOver
  /// Chunks moved into dies.
  private(set) var arrivals = 0
  let gapSeconds: Double
  private let buffersInHBM: Bool
  private let fabric: Fabric
  private let share: Double
  private let memorySeconds: [Double]
  private let linkSeconds: [Double]
  private let ways: (start: [Int32], links: [Int32])
  /// Seconds from a chunk's turn at a memory to the way, by memory.
  private let latency: [Double]
  /// When transfers' last chunk leaves each server, and when the next one may take it.
  private var memoryEnd: [Double]
  private var linkEnd: [Double]
  private var memoryNext: [Double]
  private var linkNext: [Double]
  /// Every die's transfers, the most promising first, and the first that may still ask.
  private var order: [[Int]]
  private var turn: [Int]
  /// Transfer and place of every flight.
  private var carrier: [Int]
  private var place: [Int32]
  private var first: Int32 = 0

  /// Places of a chunk other than on its way.
  private static let atMemory: Int32 = -1
  private static let atTarget: Int32 = -2
  private static let arrived: Int32 = -3

  /// - Parameters:
  ///   - transfers: The most promising first.
  ///   - attached: By task; `moving` counts `transfers`.
  ///   - buffersInHBM: Whether staging buffers are a part of HBM.
  ///   - share: Share of idle time that transfers may take.
  init(
    _ transfers: [Transfer], attached: [Attached], remains: CarriedOver, chunkBytes: Double,
    buffersInHBM: Bool, share: Double, gapSeconds: Double, on fabric: Fabric
  ) {
    moving = transfers.map { Moving(transfer: $0, asked: $0.done) }
    self.attached = attached
    self.remains = remains
    self.gapSeconds = gapSeconds
    self.fabric = fabric
    self.share = share
    self.buffersInHBM = buffersInHBM
    memorySeconds = fabric.memoryBandwidth.map { chunkBytes / $0 }
    linkSeconds = fabric.linkBandwidth.map { chunkBytes / $0 }
    ways = fabric.flatWays
    latency = fabric.memoryLatency.map { $0 + fabric.hardware.llcMiss }
    memoryEnd = Array(repeating: 0, count: fabric.nodes)
    linkEnd = Array(repeating: 0, count: fabric.links)
    (memoryNext, linkNext) = (memoryEnd, linkEnd)
    order = Array(repeating: [], count: fabric.dies)
    turn = Array(repeating: 0, count: fabric.dies)
    // What the layer itself may use comes first.
    let urgent = Set(attached.compactMap(\.moving))
    for index in urgent.sorted() + transfers.indices.filter({ !urgent.contains($0) }) {
      order[transfers[index].die].append(index)
    }
    carrier = Array(repeating: -1, count: fabric.dies * Self.window)
    place = Array(repeating: 0, count: fabric.dies * Self.window)
  }

  var flights: Int { carrier.count }
  var chunksHere: Int { attached.reduce(0) { $0 + $1.found + $1.waited } }

  mutating func begin(
    first: Int32, _ state: borrowing RunState, _ calendar: inout CalendarQueue
  ) {
    self.first = first
    for node in memoryEnd.indices where remains.memory[node] > 0 {
      state.memoryFree[node] = remains.memory[node]
      memoryEnd[node] = remains.memory[node]
    }
    for link in linkEnd.indices where remains.link[link] > 0 {
      state.linkFree[link] = remains.link[link]
      linkEnd[link] = remains.link[link]
    }
    var slots = Array(repeating: 0, count: fabric.dies)
    for chunk in remains.chunks {
      guard
        let index = moving.firstIndex(where: {
          $0.transfer.key == chunk.key && $0.transfer.die == chunk.die
            && $0.transfer.target == chunk.target
        })
      else { continue }
      let slot = chunk.die * Self.window + slots[chunk.die]
      slots[chunk.die] += 1
      (carrier[slot], place[slot]) = (index, chunk.step)
      moving[index].asked += 1
      calendar.insert(first + Int32(slot), at: chunk.seconds)
    }
    remains.chunks = []
    for die in 0..<fabric.dies {
      for slot in slots[die]..<Self.window { ask(die * Self.window + slot, at: 0, &calendar) }
    }
  }

  /// Sends the die's next chunk on its way under the number of `slot`.
  private mutating func ask(_ slot: Int, at now: Double, _ calendar: inout CalendarQueue) {
    let die = slot / Self.window
    guard share > 0 else { return }
    while turn[die] < order[die].count {
      let index = order[die][turn[die]]
      if moving[index].mayAsk, moving[index].asked < moving[index].transfer.chunks {
        moving[index].asked += 1
        (carrier[slot], place[slot]) = (index, Self.atMemory)
        let pair = moving[index].transfer.source * fabric.nodes + die
        calendar.insert(first + Int32(slot), at: now + fabric.commandSeconds[pair])
        return
      }
      turn[die] += 1
    }
  }

  mutating func meet(
    task: Int32, chunk: Int32, flight: Int32, at now: Double, _ state: borrowing RunState
  ) -> ChunkPresence {
    let index = Int(task)
    var here = attached[index].before
    var coming = here
    if let moving = attached[index].moving {
      here += self.moving[moving].transfer.done
      coming += self.moving[moving].asked
    }
    if Int(chunk) < here {
      attached[index].found += 1
      return .here(ready: ready(attached[index], at: now, state))
    }
    if attached[index].firstLack == nil { attached[index].firstLack = now }
    if let moving = attached[index].moving {
      if Int(chunk) < coming {
        attached[index].waited += 1
        self.moving[moving].waiting.append(flight)
        return .coming
      }
      self.moving[moving].mayAsk = false
    }
    attached[index].elsewhere += 1
    return .elsewhere
  }

  /// When a chunk at the die can be used.
  private func ready(
    _ attached: Attached, at now: Double, _ state: borrowing RunState
  ) -> Double {
    guard attached.isInHBM else { return now + fabric.hardware.llcHit }
    let free = max(now, state.memoryFree[attached.die]) + memorySeconds[attached.die]
    state.memoryFree[attached.die] = free
    state.memoryBusy[attached.die] += memorySeconds[attached.die]
    return free + latency[attached.die]
  }

  mutating func received(task: Int32, at now: Double) {
    attached[Int(task)].lastArrival = max(attached[Int(task)].lastArrival, now)
  }

  mutating func advance(
    _ flight: Int32, at now: Double, _ state: borrowing RunState, _ calendar: inout CalendarQueue
  ) -> Int32 {
    let slot = Int(flight - first)
    let transfer = moving[carrier[slot]].transfer
    let pair = transfer.source * fabric.nodes + transfer.die
    switch place[slot] {
    case Self.arrived:
      return arrive(slot, at: now, &calendar)
    case Self.atMemory:
      guard let end = takeMemory(transfer.source, at: now, state) else {
        retry(flight, state.memoryFree[transfer.source], memoryNext[transfer.source], &calendar)
        return -1
      }
      place[slot] = ways.start[pair]
      calendar.insert(flight, at: end + latency[transfer.source])
    case Self.atTarget:
      guard let end = takeMemory(transfer.die, at: now, state) else {
        retry(flight, state.memoryFree[transfer.die], memoryNext[transfer.die], &calendar)
        return -1
      }
      place[slot] = Self.arrived
      calendar.insert(flight, at: end)
    case ways.start[pair + 1]:
      place[slot] = transfer.target == .copy || buffersInHBM ? Self.atTarget : Self.arrived
      calendar.insert(flight, at: now + fabric.hardware.llcWrite)
    default:
      let link = Int(ways.links[Int(place[slot])])
      guard max(state.linkFree[link], linkNext[link]) <= now else {
        retry(flight, state.linkFree[link], linkNext[link], &calendar)
        return -1
      }
      let end = now + linkSeconds[link]
      state.linkFree[link] = end
      linkEnd[link] = end
      linkNext[link] = now + linkSeconds[link] / share
      place[slot] += 1
      calendar.insert(flight, at: end + fabric.linkLatency[link])
    }
    return -1
  }

  private func retry(
    _ flight: Int32, _ free: Double, _ next: Double, _ calendar: inout CalendarQueue
  ) {
    calendar.insert(flight, at: max(free, next))
  }

  /// Takes an idle memory for a chunk.
  ///
  /// - Returns: When the chunk is done, or nil if the memory is busy.
  private mutating func takeMemory(
    _ node: Int, at now: Double, _ state: borrowing RunState
  ) -> Double? {
    guard max(state.memoryFree[node], memoryNext[node]) <= now else { return nil }
    let end = now + memorySeconds[node]
    state.memoryFree[node] = end
    memoryEnd[node] = end
    memoryNext[node] = now + memorySeconds[node] / share
    return end
  }

  /// Counts a chunk that has come and sends the next.
  private mutating func arrive(
    _ slot: Int, at now: Double, _ calendar: inout CalendarQueue
  ) -> Int32 {
    let index = carrier[slot]
    moving[index].transfer.done += 1
    arrivals += 1
    if moving[index].transfer.isComplete { completed.append(index) }
    ask(slot, at: now, &calendar)
    guard moving[index].served < moving[index].waiting.count else { return -1 }
    let woken = moving[index].waiting[moving[index].served]
    moving[index].served += 1
    if let task = attached.firstIndex(where: { $0.moving == index }) {
      received(task: Int32(task), at: now)
    }
    return woken
  }

  mutating func suspend(_ flight: Int32, at time: Double) {
    let slot = Int(flight - first)
    let transfer = moving[carrier[slot]].transfer
    remains.chunks.append(
      Carried(
        key: transfer.key, die: transfer.die, target: transfer.target, step: place[slot],
        seconds: time))
  }

  mutating func end(at time: Double) {
    let limit = time + gapSeconds
    remains.memory = memoryEnd.map { max(0, $0 - limit) }
    remains.link = linkEnd.map { max(0, $0 - limit) }
    for index in remains.chunks.indices { remains.chunks[index].seconds -= limit }
  }
}
