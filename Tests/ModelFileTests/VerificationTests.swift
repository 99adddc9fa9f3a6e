import Counting
import Forecast
import Prequential
import RoutingTrace
import TestSupport
import Testing

@testable import ModelFile

@Suite struct VerificationTests {
  /// The sample learner with one layer replaced.
  func changed(
    _ layer: Int,
    _ change: (inout [UInt32], inout [UInt32], inout [UInt32], inout [LayerMetrics]) -> Void
  ) throws -> Learner {
    let learner = try Samples.learner()
    var layers = learner.layers
    let counts = layers[layer].counts
    var frequency = Array(counts.frequency)
    var pairs = Array(counts.layerPairs ?? [])
    var tokens = Array(counts.tokenPairs ?? [])
    change(&frequency, &pairs, &tokens, &layers[layer].metrics)
    layers[layer].counts = try #require(
      LayerCounts(frequency: frequency, layerPairs: pairs, tokenPairs: tokens))
    return Learner(
      shape: learner.shape, specs: learner.specs, recallAt: learner.recallAt,
      layers: layers, requests: learner.requests, progress: learner.progress,
      history: learner.history)
  }

  @Test func anHonestModelIsIntact() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("M.h5")
    try Checkpoint.write(Samples.learner(), to: path)
    let inspection = try ModelInspection(verifying: path)
    #expect(inspection.problems == [])
    #expect(inspection.isSealed)
    #expect(inspection.header.tokens == 90)
    #expect(inspection.header.chunks == 6)
  }

  @Test func everyTotalThatDisagreesIsNamed() throws {
    let more = try changed(1) { frequency, _, _, _ in frequency[4] += 1 }
    #expect(
      Totals(more).problems.contains {
        $0.hasPrefix("/metrics/frequency/ranks: model layer 2: ") && $0.hasSuffix("were learnt")
      })
    let pairs = try changed(2) { _, pairs, _, _ in pairs[12 * 7 + 3] += 60 }
    #expect(
      Totals(pairs).problems == [
        "/layer-markov/counts: model layer 5, expert 7: more pairs than the choices allow"
      ])
    // All of a row in one cell: its sum may be, the cell may not.
    let gathered = try changed(2) { _, pairs, _, _ in
      let row = 12 * 7..<12 * 8
      let sum = pairs[row].reduce(0, +)
      for index in row { pairs[index] = index == 12 * 7 + 3 ? sum : 0 }
    }
    #expect(
      Totals(gathered).problems == [
        "/layer-markov/counts: model layer 5, expert 7: more pairs than the choices allow"
      ])
    let first = try changed(0) { _, pairs, _, _ in pairs[5] = 1 }
    #expect(
      Totals(first).problems == [
        "/layer-markov/counts: model layer 1, expert 0: more pairs than the choices allow"
      ])
    let tokens = try changed(1) { _, _, tokens, _ in tokens[12 * 11] += 60 }
    #expect(
      Totals(tokens).problems == [
        "/token-markov/counts: model layer 2, expert 11: more pairs than the choices allow"
      ])
    let folder = try TemporaryFolder()
    do throws(ModelError) {
      try Checkpoint.write(more, to: folder.file("M.h5"))
      Issue.record("what does not add up was written")
    } catch {
      #expect(error.problem.contains("/metrics/frequency/ranks: does not add up: model layer 2"))
    }
    let metrics = try changed(0) { _, _, _, metrics in metrics[3] = LayerMetrics(experts: 12) }
    #expect(
      Totals(metrics).problems.contains("/history/token-markov: a sum falls along the stream"))
  }
}
