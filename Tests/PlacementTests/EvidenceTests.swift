import Demand
import LoadProfile
import Placement
import RoutingTrace
import Testing

@Suite struct EvidenceTests {
  /// One request of three tokens, top-2 of 4 in two layers.
  private func pool() throws -> RequestPool {
    var pool = RequestPool(
      shape: try TraceShape(model: "sample", modelLayers: [3, 5], experts: 4, topK: 2))
    pool.add([0, 1, 2, 3, 0, 1, 2, 0, 0, 2, 2, 3])
    return pool
  }

  @Test func tokensAreCounted() throws {
    let evidence = try PlacementEvidence(
      of: pool(), batch: 3, countsPairs: true, countsSuccessions: true)
    #expect(evidence.loads == [[3, 2, 1, 0], [1, 0, 3, 2]])
    #expect(
      evidence.pairs == [
        [0, 2, 1, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0],
        [0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 2, 0, 0, 2, 0],
      ])
    // From 0 and 1 to 2 and 3, from 0 and 1 to 2 and 0, from 0 and 2 to 2 and 3.
    #expect(evidence.successions == [[1, 0, 3, 2, 1, 0, 2, 1, 0, 0, 1, 1, 0, 0, 0, 0]])
  }

  @Test func loadsAreThoseOfABatch() throws {
    let evidence = try PlacementEvidence(of: pool(), tokens: [0, 1], batch: 64)
    #expect(evidence.loads == [[64, 64, 0, 0], [32, 0, 64, 32]])
    #expect(evidence.pairs == nil && evidence.successions == nil)
    #expect(throws: PlacementError.self) {
      try PlacementEvidence(of: pool(), tokens: [], batch: 64)
    }
  }

  @Test func profilesGiveTheLoadsOfTheirWindows() throws {
    let profile = try LoadProfile(
      layers: [3, 5], experts: 2, windows: [10, 20], counts: [3, 1, 0, 0, 1, 3, 2, 2])
    let all = try PlacementEvidence(of: profile, batch: 8, topK: 1)
    #expect(all.loads == [[4, 4], [4, 4]])
    let second = try PlacementEvidence(of: profile, windows: 1..<2, batch: 8, topK: 1)
    #expect(second.loads == [[2, 6], [4, 4]])
    let unused = #expect(throws: PlacementError.self) {
      try PlacementEvidence(of: profile, windows: 0..<1, batch: 8, topK: 1)
    }
    #expect(unused?.description.contains("no expert of layer 5 was chosen") == true)
    let missing = #expect(throws: PlacementError.self) {
      try PlacementEvidence(of: profile, windows: 1..<3, batch: 8, topK: 1)
    }
    #expect(missing?.description.contains("has windows 0 to 1, not 1 to 2") == true)
  }

  /// Requests that are all alike trust the window; requests each of its own kind the model.
  @Test func aForecastTrustsTheModelAsFarAsItHelps() throws {
    let shape = try TraceShape(model: "sample", modelLayers: [0], experts: 4, topK: 1)
    let model: [[Double]] = [[100, 100, 100, 100]]
    var alike = RequestPool(shape: shape)
    var different = RequestPool(shape: shape)
    for request in 0..<4 {
      alike.add(Array(repeating: 2, count: 50))
      different.add(Array(repeating: UInt16(request == 3 ? 0 : request), count: 50))
    }
    let one = try ForecastEvidence(model: model, window: alike, batch: 200)
    #expect(one.strength == 1)
    #expect(one.evidence.loads[0][2] > 198)
    let other = try ForecastEvidence(model: model, window: different, batch: 200)
    #expect(other.strength > 100)
    // Between the model's share and the window's, and all of the batch together.
    #expect(other.evidence.loads[0][3] > 25 && other.evidence.loads[0][3] < 50)
    #expect(abs(other.evidence.loads[0].reduce(0, +) - 200) < 1e-9)
    #expect(throws: PlacementError.self) {
      try ForecastEvidence(model: [[1, 1]], window: alike, batch: 200)
    }
    #expect(throws: PlacementError.self) {
      try ForecastEvidence(model: model, window: RequestPool(shape: shape), batch: 200)
    }
  }
}
