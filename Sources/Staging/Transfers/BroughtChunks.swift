import Demand
import Wafer

/// What transfers have brought for the tasks of one layer's turn.
struct BroughtChunks {
  /// Chunks in a die's buffer, and with a copy that is under way.
  struct Chunks {
    var buffered = 0
    /// Nil where no copy is under way.
    var copied: Int?
  }

  private var chunks: [CopyKey: Chunks] = [:]

  /// - Parameters:
  ///   - buffered: What lies in buffers.
  ///   - underWay: Ordered and not yet complete.
  init(buffered: [Transfer], underWay: [Transfer], for turn: Turn) {
    let target = Transfer.Target.buffer(turn: turn.number)
    for transfer in buffered where transfer.target == target {
      chunks[transfer.key, default: Chunks()].buffered += transfer.done
    }
    for transfer in underWay
    where transfer.target == .copy && transfer.key.expert.layer == turn.layer {
      chunks[transfer.key, default: Chunks()].copied =
        (chunks[transfer.key]?.copied ?? 0) + transfer.done
    }
  }

  /// What has come of an expert for a die.
  subscript(key: CopyKey) -> Chunks { chunks.isEmpty ? Chunks() : chunks[key] ?? Chunks() }
}
