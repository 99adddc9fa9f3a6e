import Counting
import RoutingTrace
import TestSupport
import Testing

@Suite struct LayerCountsTests {
  /// Two layers, four experts, top-2; one request of three tokens.
  static let shape = try? TraceShape(modelLayers: [0, 1], experts: 4, topK: 2)
  static let request = RequestTrace(
    prefill: 1, ids: [0, 1, 2, 3, 1, 0, 2, 0, 1, 2, 3, 2])

  static func learnt(layer: Int, chunkTokens: Int = 4096) throws -> LayerCounts {
    let shape = try #require(Self.shape)
    var counts = LayerCounts(experts: 4, tables: [.layerPairs, .tokenPairs])
    var live = RequestBook()
    for chunk in try chunks(of: [request], shape: shape, chunkTokens: chunkTokens) {
      live.resolve(chunk.block).withLayer(layer) { view in
        counts.withLearner { counts in
          for token in 0..<view.tokens { counts.learn(view.event(token)) }
        }
      }
    }
    return counts
  }

  @Test(arguments: [1, 2, 3])
  func countsByHand(chunkTokens: Int) throws {
    let first = try Self.learnt(layer: 0, chunkTokens: chunkTokens)
    #expect(Array(first.frequency) == [2, 3, 1, 0])
    // Nothing stands before the first layer.
    #expect(first.layerPairs?.allSatisfy { $0 == 0 } == true)
    // {0,1} -> {1,0} -> {1,2}
    #expect(
      first.tokenPairs.map(Array.init) == [
        1, 2, 1, 0,
        1, 2, 1, 0,
        0, 0, 0, 0,
        0, 0, 0, 0,
      ])
    let second = try Self.learnt(layer: 1, chunkTokens: chunkTokens)
    // {0,1}->{2,3}, {1,0}->{2,0}, {1,2}->{3,2}
    #expect(
      second.layerPairs.map(Array.init) == [
        1, 0, 2, 1,
        1, 0, 3, 2,
        0, 0, 1, 1,
        0, 0, 0, 0,
      ])
  }

  /// Every top-k that has a loop of its own, others, and events with empty slots.
  @Test(arguments: [1, 2, 3, 4, 6, 7, 8], [0, 0.3])
  func aLayerAtOnceIsEventByEvent(topK: Int, empty: Double) throws {
    let shape = try TraceShape(modelLayers: [0, 1], experts: 9, topK: topK)
    var random = SplitMix64(seed: 7)
    let requests = (0..<3).map { _ in
      RequestTrace.random(shape: shape, prefill: 5, decode: 20, empty: empty, using: &random)
    }
    for tables in [[], .layerPairs, .tokenPairs, [.layerPairs, .tokenPairs]] as [CountTables] {
      for layer in 0..<2 {
        var single = LayerCounts(experts: 9, tables: tables)
        var whole = single
        var live = RequestBook()
        for chunk in try chunks(of: requests, shape: shape, chunkTokens: 16) {
          live.resolve(chunk.block).withLayer(layer) { view in
            whole.learn(view)
            single.withLearner { counts in
              for token in 0..<view.tokens { counts.learn(view.event(token)) }
            }
          }
        }
        #expect(whole == single)
      }
    }
  }

  @Test func addingIsCountingBoth() throws {
    let once = try Self.learnt(layer: 1)
    var twice = once
    twice.add(once)
    #expect(twice.frequency.elementsEqual(once.frequency.map { 2 * $0 }))
    let rebuilt = LayerCounts(
      frequency: Array(twice.frequency), layerPairs: twice.layerPairs.map(Array.init),
      tokenPairs: twice.tokenPairs.map(Array.init))
    #expect(rebuilt == twice)
  }

  @Test func impossibleTablesAreRefused() {
    #expect(LayerCounts(frequency: [1, 2], layerPairs: [1], tokenPairs: nil) == nil)
    #expect(LayerCounts(frequency: [.max, 2], layerPairs: nil, tokenPairs: nil) == nil)
  }
}
