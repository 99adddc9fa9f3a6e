import Wafer

/// What is on its way to dies, and what has come into their staging buffers.
struct StagedTransfers {
  /// Ordered and not yet complete.
  var queue: TransferQueue
  /// In the buffers, whole or in part, until the turn of their layer.
  private(set) var buffered: [Transfer] = []
  /// What the event engine's last layer left on its way.
  var remains: TransferTraffic.CarriedOver
  /// Seconds that the first demand of the coming layer waits for a chunk on its way, by the bound
  /// engine.
  var pendingPreemption = 0.0
  /// Chunks that a die's staging buffer holds.
  let bufferChunks: Int
  /// Whether the buffer is a part of HBM, so that writing and reading it takes HBM time.
  let buffersInHBM: Bool

  /// Nothing under way.
  ///
  /// - Parameters:
  ///   - bufferBytes: Bytes of a die's staging buffer.
  ///   - inHBM: Whether it is a part of HBM.
  init(bufferBytes: Double, inHBM: Bool, _ costs: TransferCosts) {
    bufferChunks = bufferBytes.wholeParts(of: costs.chunkBytes)
    buffersInHBM = inHBM
    queue = TransferQueue(
      fabric: costs.fabric, chunkBytes: costs.chunkBytes, buffersInHBM: inHBM)
    remains = TransferTraffic.CarriedOver(on: costs.fabric)
  }

  /// What has been brought for the tasks of a turn.
  func brought(for turn: Turn) -> BroughtChunks {
    BroughtChunks(buffered: buffered, underWay: queue.transfers, for: turn)
  }

  /// Chunks that the transfers into a die's buffer take there, come or still to come; nil where one
  /// of them brings `key` for the same turn already.
  func bufferChunksTaken(beside key: CopyKey, for target: Transfer.Target) -> Int? {
    var taken = 0
    for transfers in [buffered, queue.transfers] {
      for transfer in transfers where transfer.die == key.die && transfer.target != .copy {
        if transfer.key == key, transfer.target == target { return nil }
        taken += transfer.chunks
      }
    }
    return taken
  }

  /// Puts what has come of a transfer into the die's buffer.
  mutating func buffer(_ transfer: Transfer) { buffered.append(transfer) }

  /// Takes what a read finds in the die's buffer; nil where there is nothing.
  mutating func takeBuffered(_ key: CopyKey, at turn: Turn) -> Transfer? {
    let target = Transfer.Target.buffer(turn: turn.number)
    return buffered.firstIndex { $0.key == key && $0.target == target }
      .map { buffered.remove(at: $0) }
  }

  /// Empties the buffers of what came for a turn.
  mutating func takeBuffered(of turn: Turn) -> [Transfer] {
    let target = Transfer.Target.buffer(turn: turn.number)
    defer { buffered.removeAll { $0.target == target } }
    return buffered.filter { $0.target == target }
  }

  /// Takes all that is under way or in buffers.
  mutating func takeAll() -> [Transfer] {
    defer { buffered = [] }
    return queue.take { _ in true } + buffered
  }
}
