import Forecast
import RoutingTrace

/// How often two experts of a layer were chosen together by one token.
package struct PairCounts: Sendable {
  let experts: Int
  /// E x E; a pair's count is the sum of its two cells.
  private var cells: [UInt32]

  init(experts: Int) {
    self.experts = experts
    cells = [UInt32](repeating: 0, count: experts * experts)
  }

  /// Bytes that a layer's counts take.
  static func bytes(experts: Int) -> Int { 4 * experts * experts }

  /// Counts the pairs of every event of a layer.
  ///
  /// - Precondition: the layer is the block's, whose ids are below `experts` or empty.
  mutating func count(_ block: EventBlock, layer: Int) {
    precondition(block.shape.experts == experts && block.shape.layers > layer)
    // Loops over a top-k known here unroll; these are those of the models that people run.
    switch block.isFull ? block.shape.topK : 0 {
    case 1: return
    case 2: count(block, layer: layer, TopK<2>())
    case 4: count(block, layer: layer, TopK<4>())
    case 6: count(block, layer: layer, TopK<6>())
    case 8: count(block, layer: layer, TopK<8>())
    default: count(block, layer: layer, TopK<0>())
    }
  }

  private mutating func count<let constant: Int>(
    _ block: EventBlock, layer: Int, _: TopK<constant>
  ) {
    let topK = constant > 0 ? constant : block.shape.topK
    let experts = experts
    // The ids were checked where the block was made, so neither they nor cells are checked again.
    cells.withUnsafeMutableBufferPointer { cells in
      block.ids.withUnsafeBufferPointer { ids in
        guard let cells = cells.baseAddress, let ids = ids.baseAddress else { return }
        var first = ids + layer * block.rows * topK
        let end = first + block.tokens * topK
        while first < end {
          var count = topK
          while constant == 0, count > 0, first[count &- 1] == TokenBlock.emptySlot {
            count &-= 1
          }
          var slot = 0
          while slot < count {
            let row = cells + Int(first[slot]) &* experts
            var other = slot &+ 1
            while other < count {
              row[Int(first[other])] &+= 1
              other &+= 1
            }
            slot &+= 1
          }
          first += topK
        }
      }
    }
  }

  /// The pairs' counts: those of expert 1 with 0, then of 2 with 0 and 1, and so on.
  package var counts: [UInt32] {
    var counts: [UInt32] = []
    counts.reserveCapacity(experts * (experts - 1) / 2)
    for second in 0..<experts {
      for first in 0..<second {
        counts.append(cells[second * experts + first] + cells[first * experts + second])
      }
    }
    return counts
  }

  /// The two experts of the pair at `index` of ``counts``, the lower first.
  static func experts(ofPair index: Int) -> [Int] {
    var second = 1
    var start = 0
    while start + second <= index {
      start += second
      second += 1
    }
    return [index - start, second]
  }
}
