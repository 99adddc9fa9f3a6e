import RoutingTrace
import TestSupport
import Testing
import WaferSamples

@testable import Demand

/// Several forecasts of a batch put together.
struct BlendForecastTests {
  /// The weights go to the forecast that comes true; none is below 0, and they add up to 1.
  @Test(arguments: 0..<3) func theForecastThatComesTrueHasTheWeight(right: Int) {
    var weights = BlendWeights(parts: 3)
    #expect(weights.means == [1, 0, 0] && weights.guesses == [1, 0, 0])
    var random = SeededGenerator(seed: 1)
    for _ in 0..<50 {
      let parts = (0..<3).map { _ in (0..<8).map { _ in Double.random(in: 0...4, using: &random) } }
      weights.learn(parts, parts[right])
      for weights in [weights.means, weights.guesses] {
        #expect(weights.allSatisfy { $0 >= 0 } && abs(weights.reduce(0, +) - 1) < 1e-9)
      }
    }
    #expect(weights.means[right] > 0.95 && weights.guesses[right] > 0.95)
  }

  /// Half of one and half of another is found where that is what comes.
  @Test func aMixtureOfTwoIsFound() {
    var weights = BlendWeights(parts: 2)
    var random = SeededGenerator(seed: 2)
    for _ in 0..<50 {
      let parts = (0..<2).map { _ in (0..<8).map { _ in Double.random(in: 0...4, using: &random) } }
      weights.learn(parts, zip(parts[0], parts[1]).map { 0.5 * $0 + 0.5 * $1 })
    }
    #expect(weights.means.allSatisfy { abs($0 - 0.5) < 0.05 })
    #expect(weights.guesses.allSatisfy { abs($0 - 0.5) < 0.05 })
  }

  /// One request of two equally likely experts: its mean is a half each, and half of it misplaced
  /// whatever comes; a guess that is right more often than not is better.
  @Test func aGuessIsNotAMean() {
    var weights = BlendWeights(parts: 2)
    for turn in 0..<200 {
      // The second names an expert that comes in three of five turns.
      let isRight = turn % 5 < 3
      weights.learn([[0.6, 0.4], [1, 0]], isRight ? [1, 0] : [0, 1])
    }
    #expect(weights.guesses == [0, 1] && weights.means[0] > 0.9)
  }

  /// On Llama-4, of small and of large batches, less is misplaced than by persistence, and no more
  /// than by the mixture alone.
  @Test(.enabled(if: SharedData.isPresent, "../shared is absent"), arguments: [4, 64])
  func itBeatsPersistence(batch: Int) throws {
    let pool = try Llama4.decode.get()
    let study = DemandStudy(
      pool, schedule: BatchSchedule(pool, size: batch, steps: 32, policy: .continuous(seed: 1)),
      warmSteps: 8)
    let sources = ForecastSources(mixture: try MixtureTables(pool, horizon: 0))
    let errors = try study.run(
      [.persistence, .mixture, .blend].map { DemandQuestion($0) }, sources
    ).map(\.loadError)
    #expect(errors[2] < errors[0] && errors[2] < errors[1])
  }
}
