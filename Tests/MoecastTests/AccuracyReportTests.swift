import Forecast
import FoundationEssentials
import Prequential
import RoutingTrace
import TestSupport
import Testing

@testable import moecast

@Suite struct AccuracyReportTests {
  static func report() throws -> (learner: Learner, report: AccuracyReport) {
    let folder = try TemporaryFolder()
    let trace = try writeSampleTrace(to: "t.moe.lz4", in: folder)
    var stream = try TraceStream([trace])
    var learner = try Learner(
      shape: stream.shape, predictors: ["frequency", "layer-markov"], recallAt: [1, 12])
    while let chunk = try stream.next() { try learner.consume(chunk) }
    return (
      learner,
      AccuracyReport(
        StreamScores(learner), recallAt: [1, 12], events: learner.progress.events, seconds: 2)
    )
  }

  /// The keys that scripts read; a change here breaks them.
  @Test func stableKeys() throws {
    struct Keys: Decodable {
      var requests: Int
      var tokens: Int
      var events: [String: Int]
      var recall: [String: [String: [String: Double]]]
      var logLossBits: [String: [String: Double]]
      var seconds: Double
      var eventsPerSecond: Double

      enum CodingKeys: String, CodingKey {
        case requests, tokens, events, recall, seconds
        case logLossBits = "log_loss_bits"
        case eventsPerSecond = "events_per_second"
      }
    }
    let (learner, report) = try Self.report()
    let keys = try JSONDecoder().decode(Keys.self, from: Data(try json(report).utf8))
    #expect(keys.requests == 12)
    #expect(keys.tokens == 192)
    #expect(keys.events == ["prefill": 288, "decode": 480, "all": 768])
    #expect(keys.eventsPerSecond == 384)
    for stage in ["prefill", "decode", "all"] {
      #expect(keys.recall[stage]?["layer-markov"]?["12"] == 1)
    }
    let score = learner.score(of: 1, stages: [.decode])
    #expect(keys.recall["decode"]?["layer-markov"]?["1"] == score.recall(at: 1))
    #expect(keys.logLossBits["decode"]?["layer-markov"] == score.logLossBits)
  }

  @Test func layersAddUpToTheWhole() throws {
    let (_, report) = try Self.report()
    #expect(report.layers.map(\.layer) == [1, 2, 4, 5])
    let bits = report.layers.compactMap { $0.logLossBits["all"]?["frequency"] }
    let whole = try #require(report.logLossBits["all"]?["frequency"])
    #expect(abs(bits.reduce(0, +) / 4 - whole) < 1e-9)
  }

  @Test func numbersReadTheSameEverywhere() {
    #expect(decimals(0.5, 4) == "0.5000")
    #expect(decimals(-1.25, 1) == "-1.3")
    #expect(decimals(1999.999, 2) == "2000.00")
    #expect(decimals(.nan, 2) == "-")
    #expect(grouped(1_234_567) == "1,234,567")
    #expect(grouped(12) == "12")
    #expect(bytes(1_500_000) == "1.5 MB")
    #expect(
      [43, 99.4, 99.5, 150, 5969, 5970, 6000, 12_000].map { duration($0) } == [
        "43 s", "99 s", "2 min", "3 min", "99 min", "1 h 40 min", "1 h 40 min", "3 h 20 min",
      ])
  }

  /// The weights of a mixture stand beside its accuracy, layer by layer.
  @Test func weightsOfMixturesAreTold() throws {
    let folder = try TemporaryFolder()
    var stream = try TraceStream([try writeSampleTrace(to: "t.moe.lz4", in: folder)])
    let name = "mixture:only-layer:with-token"
    var learner = try Learner(shape: stream.shape, predictors: ["frequency", name], recallAt: [1])
    let start = try #require(learner.mixtureWeights[name])
    #expect(start.map(\.part) == ["layer", "token"])
    #expect(start.allSatisfy { $0.weights == [0.6, 0.6, 0.6, 0.6] && abs($0.mean - 0.6) < 1e-7 })
    while let chunk = try stream.next() { try learner.consume(chunk) }
    let weights = try #require(learner.mixtureWeights[name])
    let report = AccuracyReport(StreamScores(learner), recallAt: [1], events: 0, seconds: 0)
    for (ordinal, layer) in report.layers.enumerated() {
      #expect(Array(layer.weights.keys) == [name])
      for part in weights {
        #expect(layer.weights[name]?[part.part] == part.weights[ordinal])
        #expect(part.weights[ordinal] != 0.6)
      }
    }
  }
}
