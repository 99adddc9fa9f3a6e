import RoutingTrace
import TestSupport
import Testing

@testable import Forecast

/// A request that is drawn layer by layer is forecast as the same request is in the pass over
/// chunks.
@Suite struct MixtureDrawingTests {
  @Test(arguments: ["mixture", "mixture-fast", "mixture:cold-decode", "mixture:only-long-paths"])
  func forecastsAreThoseOfThePass(name: String) throws {
    let shape = try TraceShape(modelLayers: [0, 1, 2, 5], experts: 12, topK: 2)
    var mixture = Mixture(shape: shape, options: try #require(MixtureOptions(name: name)))
    var random = SplitMix64(seed: 3)
    let requests = (0..<20).map { _ in
      RequestTrace.random(shape: shape, prefill: 10, decode: 30, using: &random)
    }
    var live = LiveRequests()
    for chunk in try chunks(of: requests, shape: shape, chunkTokens: 100) {
      mixture.process(live.resolve(chunk.block)) { _, _ in }
    }

    var drawing = mixture.withoutRequests
    var draw = FixedSizeDraw(experts: 12, count: 2, temperature: 1)
    var generator = SeededGenerator(seed: 5)
    let stages: [Stage] =
      Array(repeating: .prefill, count: 6) + Array(repeating: .decode, count: 18)
    // Requests one after another leave nothing to each other.
    for start in [0, 7, 533] as [UInt64] {
      let token = DrawnToken(shape: shape)
      var drawn: [[[Double]]] = Array(repeating: [], count: 4)
      var ids: [UInt16] = []
      drawing.draw(stages, token: token, beginsAt: start) { event, probabilities in
        drawn[event.layer].append(Array(probabilities))
        token[event.layer] = draw.draw(probabilities, using: &generator)[...]
      } drawn: {
        for layer in 0..<4 { ids += token[layer] }
      }

      var frozen = mixture.withoutRequests
      var live = LiveRequests()
      nonisolated(unsafe) var passed: [[[Double]]] = Array(repeating: [], count: 4)
      let request = RequestTrace(prefill: 6, ids: ids)
      for chunk in try chunks(of: [request], shape: shape) {
        frozen.process(live.resolve(chunk.block), learns: false) { event, probabilities in
          passed[event.layer].append(Array(probabilities))
        }
      }
      // The first token of a mixture with paths is a stored one, and not drawn.
      let known = mixture.paths == nil ? 0 : 1
      for layer in 0..<4 {
        #expect(passed[layer].count == stages.count)
        #expect(drawn[layer] == Array(passed[layer].dropFirst(known)), "\(name), layer \(layer)")
      }
    }
  }
}
