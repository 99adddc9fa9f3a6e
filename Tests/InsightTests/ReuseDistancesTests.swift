import Insight
import RoutingTrace
import TestSupport
import Testing

@Suite struct ReuseDistancesTests {
  /// One request of top-1 of 4 experts in one layer.
  private func distances(_ chosen: [[UInt16]], capacity: Int = 8, chunk: Int = 2) throws
    -> ReuseDistances
  {
    let shape = try TraceShape(modelLayers: [5], experts: 4, topK: 1)
    var distances = ReuseDistances(shape: shape, capacity: capacity)
    var first = Array(repeating: 0, count: chosen.count)
    // The requests take turns, a few tokens a chunk.
    while chosen.indices.contains(where: { first[$0] < chosen[$0].count }) {
      var (runs, ids): ([TokenRun], [UInt16]) = ([], [])
      for request in chosen.indices where first[request] < chosen[request].count {
        let end = min(chosen[request].count, first[request] + chunk)
        runs.append(
          TokenRun(
            request: UInt64(request), stage: .decode, firstToken: first[request],
            count: end - first[request], endsRequest: end == chosen[request].count))
        ids += chosen[request][first[request]..<end]
        first[request] = end
      }
      distances.consume(try TokenBlock(shape: shape, runs: runs, ids: ids))
    }
    return distances
  }

  /// 0 again after 2 and 3 tokens, 1 after 5; the other request's tokens lie between.
  @Test(arguments: [1, 2, 6]) func gapsAreCountedWithinARequest(chunk: Int) throws {
    let distances = try distances([[0, 1, 0, 2, 3, 0, 1], [3, 3]], chunk: chunk)
    #expect(distances.reuses == 4)
    #expect(distances.share(within: 1) == 0.25 && distances.share(within: 2) == 0.5)
    #expect(distances.share(within: 3) == 0.75 && distances.share(within: 5) == 1)
    #expect(distances.median(ofLayer: 0) == 2 && distances.unfollowed == 0)
  }

  @Test func requestsBeyondTheRoomAreNotFollowed() throws {
    let distances = try distances([[0, 0, 0], [1, 1, 1]], capacity: 1)
    #expect(distances.reuses == 2 && distances.unfollowed == 1)
    #expect(try self.distances([[0, 1, 2]]).median(ofLayer: 0) == nil)
  }

  /// Half the tokens choose each of two experts: again within n tokens but for 2^-n.
  @Test func chanceIsThatOfIndependentDraws() {
    let even = [[0.5, 0.5]]
    for n in 1...5 {
      let expected = 1 - (0..<n).reduce(1.0) { power, _ in power / 2 }
      #expect(abs(ReuseDistances.shareByChance(within: n, even) - expected) < 1e-12)
    }
    #expect(ReuseDistances.medianByChance([0.5, 0.5]) == 1)
    #expect(ReuseDistances.medianByChance([0.1, 0.1]) == 7)
    #expect(ReuseDistances.medianByChance([0, 0]) == nil)
  }
}
