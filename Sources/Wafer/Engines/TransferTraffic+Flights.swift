/// The way of transfers' chunks through memories and links.
extension TransferTraffic: BackgroundTraffic {
  static var isPresent: Bool { true }
  var flights: Int { chunks.count }
  var chunksHere: Int { attached.reduce(0) { $0 + $1.found + $1.waited } }

  mutating func begin(
    first: Int32, _ state: borrowing RunState, _ calendar: borrowing CalendarQueue
  ) {
    self.first = first
    memories.hold(for: remains.memory, state.memoryFree)
    links.hold(for: remains.link, state.linkFree)
    var slots = Array(repeating: 0, count: fabric.dies)
    for chunk in remains.chunks {
      guard
        let index = moving.firstIndex(where: {
          $0.transfer.key == chunk.key && $0.transfer.target == chunk.target
        })
      else { continue }
      let die = chunk.key.die
      let slot = die * Self.window + slots[die]
      slots[die] += 1
      chunks[slot] = Flight(transfer: index, place: chunk.place)
      moving[index].asked += 1
      calendar.insert(first + Int32(slot), at: chunk.seconds)
    }
    remains.chunks = []
    for die in 0..<fabric.dies {
      for slot in slots[die]..<Self.window { ask(die * Self.window + slot, at: 0, calendar) }
    }
  }

  /// Sends the die's next chunk on its way under the number of `slot`.
  private mutating func ask(_ slot: Int, at now: Double, _ calendar: borrowing CalendarQueue) {
    let die = slot / Self.window
    guard memories.share > 0 else { return }
    while turn[die] < order[die].count {
      let index = order[die][turn[die]]
      if moving[index].mayAsk, moving[index].asked < moving[index].transfer.chunks {
        moving[index].asked += 1
        chunks[slot] = Flight(transfer: index, place: Flight.atMemory)
        let source = moving[index].transfer.source
        calendar.insert(
          first + Int32(slot), at: now + fabric.commandSeconds(from: source, to: die))
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
    let seconds = memories.chunkSeconds[attached.die]
    let free = max(now, state.memoryFree[attached.die]) + seconds
    state.memoryFree[attached.die] = free
    state.memoryBusy[attached.die] += seconds
    return free + readLatency(attached.die)
  }

  /// Seconds from a chunk's turn at a memory to the way.
  private func readLatency(_ node: Int) -> Double {
    fabric.memoryLatency[node] + fabric.hardware.llcMiss
  }

  mutating func received(task: Int32, at now: Double) {
    attached[Int(task)].lastArrival = max(attached[Int(task)].lastArrival, now)
  }

  mutating func advance(
    _ flight: Int32, at now: Double, _ state: borrowing RunState,
    _ calendar: borrowing CalendarQueue
  ) -> Int32 {
    let slot = Int(flight - first)
    let transfer = moving[chunks[slot].transfer].transfer
    let way = fabric.wayRange(from: transfer.source, to: transfer.die)
    switch chunks[slot].place {
    case Flight.arrived:
      return arrive(slot, at: now, calendar)
    case Flight.atMemory:
      if let end = memories.take(transfer.source, at: now, state.memoryFree) {
        chunks[slot].place = way.lowerBound
        calendar.insert(flight, at: end + readLatency(transfer.source))
      } else {
        calendar.insert(flight, at: memories.retryTime(transfer.source, state.memoryFree))
      }
    case Flight.atTarget:
      if let end = memories.take(transfer.die, at: now, state.memoryFree) {
        chunks[slot].place = Flight.arrived
        calendar.insert(flight, at: end)
      } else {
        calendar.insert(flight, at: memories.retryTime(transfer.die, state.memoryFree))
      }
    case way.upperBound:
      let writes = transfer.target == .copy || buffersInHBM
      chunks[slot].place = writes ? Flight.atTarget : Flight.arrived
      calendar.insert(flight, at: now + fabric.hardware.llcWrite)
    case let place:
      let link = Int(fabric.wayLinks[Int(place)])
      if let end = links.take(link, at: now, state.linkFree) {
        chunks[slot].place += 1
        calendar.insert(flight, at: end + fabric.linkLatency[link])
      } else {
        calendar.insert(flight, at: links.retryTime(link, state.linkFree))
      }
    }
    return -1
  }

  /// Counts a chunk that has come and sends the next.
  private mutating func arrive(
    _ slot: Int, at now: Double, _ calendar: borrowing CalendarQueue
  ) -> Int32 {
    let index = chunks[slot].transfer
    moving[index].transfer.done += 1
    arrivals += 1
    if moving[index].transfer.isComplete { completed.append(index) }
    ask(slot, at: now, calendar)
    guard moving[index].served < moving[index].waiting.count else { return -1 }
    let woken = moving[index].waiting[moving[index].served]
    moving[index].served += 1
    if let task = attached.firstIndex(where: { $0.moving == index }) {
      received(task: Int32(task), at: now)
    }
    return woken
  }

  mutating func suspend(_ flight: Int32, at time: Double) {
    let chunk = chunks[Int(flight - first)]
    let transfer = moving[chunk.transfer].transfer
    remains.chunks.append(
      Carried(
        key: transfer.key, target: transfer.target, place: chunk.place, seconds: time))
  }

  mutating func end(at time: Double) {
    let limit = time + gapSeconds
    remains.memory = memories.held(after: limit)
    remains.link = links.held(after: limit)
    for index in remains.chunks.indices { remains.chunks[index].seconds -= limit }
  }
}
