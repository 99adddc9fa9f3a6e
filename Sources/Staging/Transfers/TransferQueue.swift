import Wafer

/// The transfers under way, and the idle time of memories and links that carries them.
///
/// Demand always goes first: transfers move whole chunks in the time that a layer's demand leaves
/// idle, the most promising transfer first, so that demand waits for a chunk already on its way at
/// most.
struct TransferQueue: Sendable {
  private(set) var transfers: [Transfer] = []
  private let fabric: Fabric
  private let chunkBytes: Double
  private let buffersInHBM: Bool

  /// - Parameter buffersInHBM: Whether staging buffers are a part of HBM.
  init(fabric: Fabric, chunkBytes: Double, buffersInHBM: Bool = false) {
    self.fabric = fabric
    self.chunkBytes = chunkBytes
    self.buffersInHBM = buffersInHBM
  }

  func contains(_ key: CopyKey, _ target: Transfer.Target) -> Bool {
    transfers.contains { $0.key == key && $0.target == target }
  }

  /// Transfers that wait at a die.
  func waiting(at die: Int) -> Int { transfers.count { $0.die == die } }

  mutating func add(_ transfer: Transfer) { transfers.append(transfer) }

  /// Takes out the transfers that `condition` picks and returns them.
  mutating func take(where condition: (Transfer) -> Bool) -> [Transfer] {
    let taken = transfers.filter(condition)
    if !taken.isEmpty { transfers.removeAll(where: condition) }
    return taken
  }

  /// Says what the transfer of a copy is worth now, if there is one.
  mutating func setValue(_ value: Double, of key: CopyKey) {
    for index in transfers.indices
    where transfers[index].key == key && transfers[index].target == .copy {
      transfers[index].value = value
    }
  }

  /// The most promising first.
  mutating func sort() {
    transfers.sort { ($1.value, $0.key) < ($0.value, $1.key) }
  }

  /// Moves chunks within the idle seconds of every memory and link.
  ///
  /// - Returns: The transfers that were completed, in order, and the chunks moved.
  mutating func advance(
    idleMemory: inout [Double], idleLink: inout [Double]
  ) -> (completed: [Transfer], chunks: Int) {
    sort()
    var completed: [Transfer] = []
    var moved = 0
    for index in transfers.indices {
      let transfer = transfers[index]
      let readSeconds = chunkBytes / fabric.memoryBandwidth[transfer.source]
      // A copy is written to HBM; a staging buffer is on the chip, unless it is a part of HBM.
      let writes = transfer.target == .copy || buffersInHBM
      let writeSeconds = writes ? chunkBytes / fabric.memoryBandwidth[transfer.die] : 0
      let way = fabric.way(from: transfer.source, to: transfer.die)
      var fitting = (idleMemory[transfer.source] / readSeconds).rounded(.down)
      if writes { fitting = min(fitting, (idleMemory[transfer.die] / writeSeconds).rounded(.down)) }
      for link in way {
        let seconds = chunkBytes / fabric.linkBandwidth[Int(link)]
        fitting = min(fitting, (idleLink[Int(link)] / seconds).rounded(.down))
      }
      let chunks = min(Int(max(0, min(fitting, 1e9))), transfer.chunks - transfer.done)
      guard chunks > 0 else { continue }
      moved += chunks
      transfers[index].done += chunks
      idleMemory[transfer.source] -= Double(chunks) * readSeconds
      idleMemory[transfer.die] -= Double(chunks) * writeSeconds
      for link in way {
        idleLink[Int(link)] -= Double(chunks) * chunkBytes / fabric.linkBandwidth[Int(link)]
      }
      if transfers[index].isComplete { completed.append(transfers[index]) }
    }
    transfers.removeAll(where: \.isComplete)
    return (completed, moved)
  }
}
