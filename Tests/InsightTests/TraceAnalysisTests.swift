import RoutingTrace
import TestSupport
import Testing

@testable import Insight

@Suite struct TraceAnalysisTests {
  let shape: TraceShape
  let requests: [RequestTrace]

  init() throws {
    let shape = try TraceShape(modelLayers: [0, 1, 2, 5, 6], experts: 24, topK: 3)
    var random = SplitMix64(seed: 8)
    self.shape = shape
    requests = (0..<30).map { number in
      RequestTrace.random(
        shape: shape, prefill: 6, decode: 11, task: number % 2 == 0 ? "a" : "b", using: &random)
    }
  }

  private func figures(_ observations: Observations) -> [[Scope: [Measure: Double]]] {
    observations.layers.map(\.figures)
  }

  @Test func chunksAndWorkersChangeNothing() throws {
    let whole = try ReferenceTests.observe(requests, shape: shape)
    for (chunkTokens, workers) in [(1, 1), (13, 2), (64, 3)] {
      let other = try ReferenceTests.observe(
        requests, shape: shape, chunkTokens: chunkTokens, workers: workers)
      #expect(figures(other) == figures(whole))
      #expect(other.tasks == whole.tasks && other.tokens == whole.tokens)
      #expect(other.requests == whole.requests)
    }
    #expect(whole.requests == 30)
    #expect(whole.tokens == [.prefill: 180, .decode: 330, .all: 510])
    #expect(whole.tasks == ["a": 255, "b": 255])
    #expect(whole.layers.map(\.layer) == [0, 1, 2, 5, 6])
  }

  /// Expert 2 i always leads to 2 i + 1, and the next token takes the same again.
  @Test func aRuleIsSeen() throws {
    let shape = try TraceShape(modelLayers: [0, 1], experts: 20, topK: 1)
    let requests = (0..<10).map { number in
      RequestTrace(
        name: "", task: "", prefill: 4,
        ids: (0..<12).flatMap { _ in [UInt16(2 * number), UInt16(2 * number + 1)] })
    }
    let observations = try ReferenceTests.observe(requests, shape: shape)
    let second = try #require(observations.layers.last?.figures[.all])
    #expect(second[.nextLayerTop] == 1 && second[.nextLayerTopOfAll] == 1)
    #expect(second[.sameExpert] == 1)
    #expect(second[.popularTop] == 0.4)
    #expect(second[.unusedExperts] == 10)
    #expect(second[.effectiveExperts].map { abs($0 - 10) < 1e-12 } == true)
    #expect(second[.mostUsedOverMean] == 2)
    #expect(second[.stagesTop10Shared] == 1)
    let byChance = try #require(second[.nextLayerTopOfAllByChance])
    #expect((0.5..<0.9).contains(byChance))
  }

  /// Where nothing depends on anything, shares are those of popularity alone.
  @Test func chanceIsNoFinding() throws {
    let shape = try TraceShape(modelLayers: [0, 1], experts: 32, topK: 1)
    var random = SplitMix64(seed: 5)
    let requests = (0..<64).map { _ in
      RequestTrace(
        name: "", task: "", prefill: 16,
        ids: (0..<256).map { _ in
          UInt16(
            Double.random(in: 0..<1, using: &random) * Double.random(in: 0..<32, using: &random))
        })
    }
    let observations = try ReferenceTests.observe(requests, shape: shape)
    let figures = try #require(observations.layers.last?.figures[.all])
    for (measure, chance) in [
      (Measure.nextLayerTopOfAll, Measure.nextLayerTopOfAllByChance),
      (.nextTokenTopOfAll, .nextTokenTopOfAllByChance), (.sameExpert, .sameExpertByPopularity),
    ] {
      let (seen, expected) = (try #require(figures[measure]), try #require(figures[chance]))
      #expect(abs(seen - expected) < 0.015, "\(measure): \(seen), \(expected)")
    }
  }

  @Test func whatIsNotThereIsNotMeasured() throws {
    let single = try TraceShape(modelLayers: [3], experts: 8, topK: 1)
    let one = RequestTrace(name: "", task: "only", prefill: 0, ids: [1, 1, 4])
    let observations = try ReferenceTests.observe([one], shape: single)
    let figures = try #require(observations.layers.first?.figures)
    #expect(figures[.prefill] == nil)
    let measured = Set(try #require(figures[.all]).keys)
    for absent in Measure.allCases where [3, 5, 6].contains(absent.observation) {
      #expect(!measured.contains(absent), "\(absent)")
    }
    #expect(!measured.contains(.nextLayerTop) && measured.contains(.nextTokenTop))
    #expect(observations.summary(.nextLayerTop, in: .all) == nil)
    let nothing = TraceAnalysis(shape: single).observations()
    #expect(nothing.layers.allSatisfy(\.figures.isEmpty) && nothing.requests == 0)
  }

  @Test func theSummaryNamesTheLayers() throws {
    let observations = try ReferenceTests.observe(requests, shape: shape)
    let values = observations.layers.compactMap { $0.figures[.decode]?[.sameExpert] }
    let summary = try #require(observations.summary(.sameExpert, in: .decode))
    #expect(summary.mean == values.reduce(0, +) / 5)
    #expect(summary.least.value == values.min() && summary.most.value == values.max())
    let most = try #require(values.firstIndex(of: summary.most.value))
    #expect(summary.most.layer == shape.modelLayers[most])
  }

  /// Of layers alike, the summary names the first.
  @Test func theFirstOfEqualsIsNamed() throws {
    let shape = try TraceShape(modelLayers: [2, 3, 7], experts: 8, topK: 1)
    let request = RequestTrace(
      name: "", task: "", prefill: 2, ids: [1, 1, 1, 4, 4, 4, 1, 1, 1, 6, 6, 6])
    let observations = try ReferenceTests.observe([request], shape: shape)
    let summary = try #require(observations.summary(.popularTop, in: .all))
    #expect(summary.least.layer == 2 && summary.most.layer == 2)
    #expect(summary.least == summary.most)
  }

  /// Expert 2 i leads to 2 i + 1 in the next layer, and the next token takes the same again.
  @Test func heatmapsTellLayersFromTokens() throws {
    let shape = try TraceShape(modelLayers: [0, 1], experts: 4, topK: 1)
    let requests = (0..<2).map { number in
      RequestTrace(
        name: "", task: "", prefill: 1,
        ids: (0..<5).flatMap { _ in [UInt16(2 * number), UInt16(2 * number + 1)] })
    }
    var analysis = TraceAnalysis(shape: shape)
    for chunk in try chunks(of: requests, shape: shape) { try analysis.consume(chunk.block) }
    #expect(
      analysis.heatmap(.layerToLayer, layer: 1, in: .all)
        == [[0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 0, 0]])
    #expect(
      analysis.heatmap(.tokenToToken, layer: 1, in: .decode)
        == [[0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1]])
    #expect(
      analysis.heatmap(.layerToLayer, layer: 0, in: .all).joined().allSatisfy { $0 == 0 })
  }

  @Test func aTraceOfAnotherModelIsRefused() throws {
    let other = try TraceShape(modelLayers: [0], experts: 24, topK: 3)
    var analysis = TraceAnalysis(shape: other)
    let chunk = try #require(try chunks(of: requests, shape: shape).first)
    #expect(throws: AnalysisError.shape(chunk.block.shape, expected: other)) {
      try analysis.consume(chunk.block)
    }
    #expect(analysis.requests == 0)
  }

  @Test func pairsAreNumberedByTheirHigherExpert() {
    let pairs = (0..<5).flatMap { second in (0..<second).map { [$0, second] } }
    for (index, pair) in pairs.enumerated() { #expect(PairCounts.experts(ofPair: index) == pair) }
  }

  /// Tasks beyond those told apart, and requests that nobody heard of again.
  @Test func theTaskBookIsBounded() throws {
    let shape = try TraceShape(modelLayers: [0], experts: 4, topK: 1)
    let requests = (0..<TaskNames.capacity + 3).map {
      RequestTrace(name: "", task: "task \($0)", prefill: 0, ids: [UInt16($0 % 4)])
    }
    var analysis = TraceAnalysis(shape: shape, liveRequests: 2)
    for chunk in try chunks(of: requests, shape: shape, chunkTokens: 100) {
      try analysis.consume(chunk.block)
    }
    #expect(analysis.hasMoreTasks)
    let observations = analysis.observations()
    #expect(observations.tasks.count == TaskNames.capacity)
    #expect(observations.tasks.values.allSatisfy { $0 == 1 })
    #expect(observations.tokens[.all] == TaskNames.capacity + 3)
  }
}
