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
  /// Seconds a chunk needs of every memory.
  let memoryChunk: UnsafeMutablePointer<Double>
  let memoryLatency: UnsafeMutablePointer<Double>
  let linkFree: UnsafeMutablePointer<Double>
  let linkBusy: UnsafeMutablePointer<Double>
  /// Seconds a chunk needs of every link.
  let linkChunk: UnsafeMutablePointer<Double>
  let linkLatency: UnsafeMutablePointer<Double>
  let computeFree: UnsafeMutablePointer<Double>
  let computeBusy: UnsafeMutablePointer<Double>
  /// By die: the place in its queue of tasks, the queue's end, and the next chunk of the task
  /// there.
  let cursor: UnsafeMutablePointer<Int32>
  let cursorEnd: UnsafeMutablePointer<Int32>
  let cursorChunk: UnsafeMutablePointer<Int32>
  /// What travels under each number of the calendar.
  let flights: UnsafeMutablePointer<Flight>
  /// When the layer ends, as far as is known.
  let end: UnsafeMutablePointer<Double>

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
    end = array(1, 0)
  }

  deinit {
    for array in [
      memoryFree, memoryBusy, memoryChunk, memoryLatency, linkFree, linkBusy, linkChunk,
      linkLatency, computeFree, computeBusy, end,
    ] { array.deallocate() }
    for array in [cursor, cursorEnd, cursorChunk] { array.deallocate() }
    flights.deallocate()
  }

  /// The layer is not over before `time`.
  @inline(__always)
  func lasts(until time: Double) { end.pointee = max(end.pointee, time) }

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

  /// Hands the busy times to the layer's result.
  func sum(into result: inout LayerResult, fabric: Fabric) {
    result.setBusy(
      BusySeconds(
        compute: Array(UnsafeBufferPointer(start: computeBusy, count: fabric.dies)),
        memory: Array(UnsafeBufferPointer(start: memoryBusy, count: fabric.nodes)),
        link: Array(UnsafeBufferPointer(start: linkBusy, count: fabric.links))))
  }
}
