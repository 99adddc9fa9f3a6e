import Counting
import RoutingTrace
import TestSupport
import Testing

@testable import Forecast

@Suite struct MixtureSizeTests {
  /// Adds up what a mixture hands to its coder.
  private struct Counting: StateCoder, ~Copyable {
    static let isReader = false
    var bytes = 0

    mutating func code(_: String, _ values: inout [UInt64], note: String) {
      bytes += values.count * 8
    }
    mutating func code(_: String, _ values: inout [UInt32], note: String) {
      bytes += values.count * 4
    }
    mutating func code(_: String, _ values: inout [Int32], note: String) {
      bytes += values.count * 8
    }
    mutating func code(_: String, _ values: inout [Float], note: String) {
      bytes += values.count * 4
    }
  }

  @Test(arguments: [
    "mixture", "mixture-fast", "mixture-all", "mixture:only-pairs", "mixture:only-request",
    "mixture:only-near-paths", "mixture:without-frequency:with-repeats:tasks",
  ])
  func everyColumnIsCounted(name: String) throws {
    let shape = try TraceShape(modelLayers: [0, 2, 5], experts: 70, topK: 3)
    let options = try #require(MixtureOptions(name: name))
    var mixture = Mixture(shape: shape, options: options)
    var live = RequestBook()
    var random = SplitMix64(seed: 5)
    let requests = 4
    let trace = RequestTrace.random(
      shape: shape, prefill: 10 * requests, decode: 0, using: &random)
    let runs = (0..<requests).map {
      TokenRun(request: UInt64($0), stage: .decode, firstToken: 0, count: 10)
    }
    var ids: [UInt16] = []
    for layer in 0..<3 {
      for token in 0..<40 {
        let at = (token * 3 + layer) * 3
        ids += trace.ids[at..<at + 3]
      }
    }
    let block = try TokenBlock(shape: shape, runs: runs, ids: ids)
    mixture.process(live.resolve(block)) { _, _ in }
    var counting = Counting()
    mixture.code(with: &counting, places: requests)
    #expect(
      counting.bytes
        == Mixture.codedBytes(shape: shape, options: options, tokens: 40, places: requests))
  }

  @Test func thereIsRoomUpToThirtyOneBits() throws {
    let shape = try TraceShape(modelLayers: [0], experts: 4, topK: 2)
    var mixture = Mixture(shape: shape, options: MixtureOptions(parts: [.frequency, .nearPaths]))
    let most = LayerCounts.maximumTokens
    #expect(mixture.hasRoom(for: most / 2) && !mixture.hasRoom(for: most / 2 + 1))
    mixture.paths?.written = most - 1
    #expect(mixture.hasRoom(for: 1) && !mixture.hasRoom(for: 2))
  }
}
