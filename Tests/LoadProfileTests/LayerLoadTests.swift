import LoadProfile
import Testing

@Suite struct LayerLoadTests {
  /// Worked by hand: layer 1 is chosen 6, 4, 6, 0 times in all; layer 5 3, 3, 3, 7 times.
  @Test func figuresAreThoseOfTheCounts() throws {
    let loads = try LoadProfileTests.profile().layerLoads
    #expect(loads.map(\.layer) == [1, 5])
    #expect(loads.map(\.choices) == [16, 16])
    #expect(loads.map(\.mostUsed) == [0, 3])
    #expect(loads.map(\.leastUsed) == [3, 0])
    #expect(loads.map(\.mostUsedOverMean) == [1.5, 1.75])
    #expect(loads.map(\.topFifthShare) == [6.0 / 16, 7.0 / 16])
    #expect(loads.map(\.unused) == [1, 0])
    // Windows of layer 1: 6 of 8 and 6 of 8, four experts.
    #expect(loads.map(\.mostUsedOverMeanInWindows) == [3, (1 + 2.5) / 2])
  }

  @Test func evenLoadsHaveAllExperts() throws {
    let even = try LoadProfile(layers: [0], experts: 8, counts: Array(repeating: 5, count: 8))
    #expect(even.layerLoads[0].effectiveExperts == 8)
    #expect(even.layerLoads[0].mostUsedOverMean == 1)
    #expect(even.layerLoads[0].mostUsed == 0)
  }

  @Test func layersWithoutChoicesHaveNoLoad() throws {
    let profile = try LoadProfile(layers: [0, 3], experts: 2, counts: [0, 0, 4, 0])
    #expect(profile.layerLoads.map(\.layer) == [3])
    #expect(profile.layerLoads[0].effectiveExperts == 1)
  }
}
