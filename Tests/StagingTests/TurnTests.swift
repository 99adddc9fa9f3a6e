import RoutingTrace
import Testing

@testable import Demand
@testable import Staging

struct TurnTests {
  /// One request of top-1 of three experts in two layers: 0, 1, 0 in layer 0 and 2, 2, 1 in layer
  /// 1.
  @Test func nextUsesByHand() throws {
    var pool = RequestPool(shape: try TraceShape(modelLayers: [0, 1], experts: 3, topK: 1))
    pool.add([0, 2, 1, 2, 0, 1])
    let schedule = BatchSchedule(pool, size: 1, steps: 3)
    func next(_ layer: Int, _ expert: Int, after turn: Turn) -> Int {
      turn.nextUse(of: ExpertKey(layer: layer, expert: expert), in: schedule)
    }
    let first = Turn(step: 0, layer: 0, layers: 2)
    #expect(first.number == 0)
    // Expert 0 of layer 0 again in step 2; expert 2 of layer 1 still in step 0; expert 1 in step 2.
    #expect(next(0, 0, after: first) == 4)
    #expect(next(1, 2, after: first) == 1)
    #expect(next(1, 1, after: first) == 5)
    let third = Turn(step: 1, layer: 0, layers: 2)
    #expect(third.number == 2)
    #expect(next(0, 1, after: third) == .max)
    #expect(next(1, 2, after: third) == 3)
    #expect(next(1, 2, after: Turn(step: 1, layer: 1, layers: 2)) == .max)
  }
}
