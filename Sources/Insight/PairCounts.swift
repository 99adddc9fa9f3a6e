import Counting
import RoutingTrace

/// How often two experts of a layer were chosen together by one token.
package struct PairCounts: Sendable {
  /// Experts of the layer (E).
  let experts: Int
  /// E x E; a pair's count is the sum of its two cells.
  private(set) var cells: [UInt32]

  /// Counts of no event.
  init(experts: Int) {
    self.experts = experts
    cells = [UInt32](repeating: 0, count: experts * experts)
  }

  /// Known counts; nil where they are no E x E cells, or one is beyond what a cell may hold.
  init?(experts: Int, cells: [UInt32]) {
    guard cells.count == experts * experts,
      cells.allSatisfy({ $0 <= UInt32(LayerCounts.maximumTokens) })
    else { return nil }
    self.experts = experts
    self.cells = cells
  }

  /// The largest cell.
  ///
  /// - Complexity: O(E^2).
  var largest: Int { Int(cells.max() ?? 0) }

  /// Adds the counts of another shard.
  ///
  /// - Precondition: of as many experts, and ``largest`` of both together fits a cell.
  /// - Complexity: O(E^2).
  mutating func add(_ other: PairCounts) {
    precondition(experts == other.experts)
    for index in cells.indices { cells[index] &+= other.cells[index] }
  }

  /// Bytes that a layer's counts take.
  static func bytes(experts: Int) -> Int { 4 * experts * experts }

  /// Counts the pairs of every event of a layer.
  ///
  /// - Precondition: the layer is the block's, whose ids are below `experts` or empty.
  mutating func count(_ block: EventBlock, layer: Int) {
    precondition(block.shape.experts == experts && block.shape.layers > layer)
    let experts = experts
    cells.withUnsafeMutableBufferPointer { cells in
      guard let cells = cells.baseAddress else { return }
      block.withLayer(layer) { events in
        Pass(events: events, cells: cells, experts: experts).run(unrolledBy: events.knownTopK)
      }
    }
  }

  /// The loop over events as work that is unrolled by top-k.
  private struct Pass: TopKWork {
    let events: LayerEvents
    let cells: UnsafeMutablePointer<UInt32>
    let experts: Int

    func run<let constant: Int>(_ topK: TopK<constant>) {
      guard constant != 1 else { return }
      let events = events.counted(topK)
      var token = 0
      while token < events.tokens {
        let chosen = events.event(token).chosen
        var slot = 0
        while slot < chosen.count {
          let row = cells + chosen[slot] &* experts
          var other = slot &+ 1
          while other < chosen.count {
            row[chosen[other]] &+= 1
            other &+= 1
          }
          slot &+= 1
        }
        token &+= 1
      }
    }
  }

  /// The pairs' counts: those of expert 1 with 0, then of 2 with 0 and 1, and so on.
  ///
  /// - Complexity: O(E^2).
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
