import RoutingTrace
import Testing
import WaferSamples

@testable import Demand

struct TransitionCountsTests {
  /// Counted pair by pair, as the heatmap is defined.
  private func counted(_ pool: RequestPool) -> [UInt32] {
    let (layers, experts) = (pool.shape.layers, pool.shape.experts)
    var counts = [UInt32](repeating: 0, count: layers * experts * experts)
    for request in 0..<pool.requests {
      for token in pool.starts[request]..<pool.starts[request + 1] - 1 {
        for layer in 0..<layers {
          for from in pool.choice(of: token, layer: layer) where Int(from) < experts {
            for to in pool.choice(of: token + 1, layer: layer) where Int(to) < experts {
              counts[(layer * experts + Int(from)) * experts + Int(to)] += 1
            }
          }
        }
      }
    }
    return counts
  }

  @Test func pairsOfConsecutiveTokensAreCounted() throws {
    let pool = try Samples.pool()
    let heatmap = try TransitionCounts(of: pool)
    #expect(heatmap.counts == counted(pool))
    // 7 requests of 5 to 11 tokens: 49 pairs of tokens, of 2 by 2 experts in 3 layers.
    #expect(heatmap.counts.reduce(0, +) == 49 * 4 * 3)
    // Layer 2's row 5 begins at (2 * 12 + 5) * 12.
    #expect(Array(heatmap.row(2, 5)) == Array(heatmap.counts[348..<360]))
  }

  /// Empty slots are nobody's choice, and requests are longer than what is handed on at once.
  @Test func emptySlotsAndLongRequests() throws {
    var pool = RequestPool(shape: try TraceShape(modelLayers: [0, 1], experts: 5, topK: 2))
    var random = SeededGenerator(seed: 3)
    for tokens in [1, 5000, 3] {
      pool.add(
        (0..<2 * tokens).flatMap { _ -> [UInt16] in
          let first = UInt16(random.next() % 5)
          return random.next() % 3 == 0
            ? [first, TokenBlock.emptySlot] : [first, (first + 1 + UInt16(random.next() % 4)) % 5]
        })
    }
    #expect(try TransitionCounts(of: pool).counts == counted(pool))
  }

  @Test func idsThatNoTraceHasAreRefused() throws {
    var pool = RequestPool(shape: try TraceShape(modelLayers: [0], experts: 5, topK: 1))
    pool.add([1, 7])
    #expect(throws: SimulationError.self) { try TransitionCounts(of: pool) }
  }
}
