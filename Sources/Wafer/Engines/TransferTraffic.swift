import Demand

/// Transfers beside a layer's demand, event by event: the lowest priority there is.
///
/// Every die fetches the chunks of its most promising transfer, a few at a time. A chunk takes a
/// memory or a link only when that is idle, and looks again when it is free next; so demand waits
/// for a chunk already being served at most, and a transfer is preempted between any two chunks.
/// Chunks of one transfer are alike and count as they arrive.
///
/// A transfer whose expert the layer itself reads is attached to that task: the die takes the
/// chunks that are there, waits for those on their way, and asks for the rest itself; then the
/// transfer asks for no more.
///
/// Here is what it knows; its part in the loop of ``EventRun`` is in
/// `TransferTraffic+Flights.swift`.
package struct TransferTraffic {
  /// Chunks that a die's transfers have asked for and not yet received, at most.
  static let window = 4

  /// A transfer under way.
  package struct Moving {
    /// With the chunks that have come so far.
    package var transfer: Transfer
    /// Chunks asked for, with those that have come.
    var asked: Int
    var mayAsk = true
    /// Demand's flights that wait for its next chunks, and how many have been served.
    var waiting: [Int32] = []
    var served = 0
  }

  /// What transfers have brought, or may bring, of a task's weights.
  package struct Attached {
    /// The die that computes the task.
    package let die: Int
    /// Chunks that were at the die when the layer began.
    package var before = 0
    /// What transfers bring waits in HBM, not in the LLC.
    package var isInHBM = false
    /// The transfer that brings more.
    package var moving: Int?
    /// Chunks that the die found when it asked.
    package internal(set) var found = 0
    /// Chunks that it waited for, as they were on their way.
    package internal(set) var waited = 0
    /// Chunks that it read from elsewhere.
    package internal(set) var elsewhere = 0
    /// When the die first asked for a chunk that was not there, and when the last such chunk came.
    var firstLack: Double?
    var lastArrival = 0.0

    /// Nothing brought yet to the die that computes the task.
    package init(die: Int) { self.die = die }

    /// Seconds from the first chunk that was not there to the last that came.
    package var lateSeconds: Double { firstLack.map { max(0, lastArrival - $0) } ?? 0 }
  }

  /// A chunk on its way between two layers.
  struct Carried {
    let key: CopyKey
    let target: Transfer.Target
    /// Where it is: a place in the fabric's ways, or one of those of ``Flight``.
    let place: Int32
    /// When it goes on, counted from the next layer's beginning.
    var seconds: Double
  }

  /// What a layer leaves to the next one.
  package struct CarriedOver {
    var chunks: [Carried] = []
    /// Seconds for which chunks still hold each memory and link.
    var memory: [Double]
    var link: [Double]

    /// Nothing.
    package init(on fabric: Fabric) {
      memory = Array(repeating: 0, count: fabric.nodes)
      link = Array(repeating: 0, count: fabric.links)
    }
  }

  /// A chunk of a transfer under a number of the calendar.
  struct Flight {
    // Places of a chunk other than on its way.
    static let atMemory: Int32 = -1
    static let atTarget: Int32 = -2
    static let arrived: Int32 = -3

    /// Its transfer, as a place in `moving`.
    var transfer = -1
    var place: Int32 = 0
  }

  /// All transfers, in the order in which they were given.
  package internal(set) var moving: [Moving]
  /// By task.
  package internal(set) var attached: [Attached]
  /// Transfers that have arrived whole, in order.
  package internal(set) var completed: [Int] = []
  /// What the last layer left, and after the run what this one leaves.
  package internal(set) var remains: CarriedOver
  /// Chunks moved into dies.
  package internal(set) var arrivals = 0
  let gapSeconds: Double
  let buffersInHBM: Bool
  let fabric: Fabric
  var memories: IdleServers
  var links: IdleServers
  /// Every die's transfers, the most promising first, and the first that may still ask.
  var order: [[Int]]
  var turn: [Int]
  /// ``window`` flights a die, and the number of the first in the calendar.
  var chunks: [Flight]
  var first: Int32 = 0

  /// - Parameters:
  ///   - transfers: The most promising first.
  ///   - attached: By task; `moving` counts `transfers`.
  ///   - remains: What the layer before left.
  ///   - buffersInHBM: Whether staging buffers are a part of HBM.
  ///   - share: Share of idle time that transfers may take.
  ///   - gapSeconds: Seconds that transfers have to themselves after the layer.
  package init(
    _ transfers: [Transfer], attached: [Attached], remains: CarriedOver, chunkBytes: Double,
    buffersInHBM: Bool, share: Double, gapSeconds: Double, on fabric: Fabric
  ) {
    moving = transfers.map { Moving(transfer: $0, asked: $0.done) }
    self.attached = attached
    self.remains = remains
    self.gapSeconds = gapSeconds
    self.fabric = fabric
    self.buffersInHBM = buffersInHBM
    memories = IdleServers(
      chunkSeconds: fabric.memoryBandwidth.map { chunkBytes / $0 }, share: share)
    links = IdleServers(chunkSeconds: fabric.linkBandwidth.map { chunkBytes / $0 }, share: share)
    order = Array(repeating: [], count: fabric.dies)
    turn = Array(repeating: 0, count: fabric.dies)
    // What the layer itself may use comes first.
    let urgent = Set(attached.compactMap(\.moving))
    for index in urgent.sorted() + transfers.indices.filter({ !urgent.contains($0) }) {
      order[transfers[index].die].append(index)
    }
    chunks = Array(repeating: Flight(), count: fabric.dies * Self.window)
  }
}
