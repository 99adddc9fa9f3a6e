import Forecast
import Prequential
import RoutingTrace
import TestSupport
import Testing

@testable import ModelFile

@Suite struct ModelLimitsTests {
  func shape(layers: Int, experts: Int) throws -> TraceShape {
    try TraceShape(modelLayers: Array(0..<layers), experts: experts, topK: min(8, experts))
  }

  func error(
    _ shape: TraceShape, _ predictors: [String], recallAt: [Int]? = nil
  ) -> ModelError? {
    let specs = predictors.compactMap { PredictorCatalog.standard.spec(named: $0) }
    do throws(ModelError) {
      try ModelLimits.check("M.h5", shape: shape, predictors: specs, recallAt: recallAt)
      return nil
    } catch {
      return error
    }
  }

  /// Tables over 1 GiB each are within the limits; a mixture of that shape is not, and the error
  /// names predictors that are.
  @Test func aRemedyThatIsNamedWorks() throws {
    let wide = try shape(layers: 17, experts: 4096)
    #expect(error(wide, ["layer-markov", "token-markov"]) == nil)
    for (shape, names) in [
      (wide, "frequency,layer-markov,layer-product,token-markov"),
      (try shape(layers: 40, experts: 4096), "frequency,layer-markov"),
      (try shape(layers: 61, experts: 4096), "frequency"),
    ] {
      let refusal = try #require(error(shape, PredictorCatalog.standardNames))
      #expect(refusal.kind == .tooLarge)
      #expect(refusal.remedy == "train with --predictors \(names)")
      #expect(error(shape, names.split(separator: ",").map(String.init)) == nil)
    }
    let largest = try TraceShape(modelLayers: Array(0..<4096), experts: 32_768, topK: 64)
    #expect(error(largest, ["frequency"])?.remedy == "train without --model")
  }

  @Test func settingsThatCannotBeReadAreRefused() throws {
    let small = try shape(layers: 2, experts: 8)
    #expect(error(small, PredictorCatalog.standardNames) == nil)
    #expect(
      error(small, ["frequency"], recallAt: [1 << 32])?.remedy.contains("--recall-at") == true)
    #expect(error(small, ["frequency"], recallAt: [Int(UInt32.max)]) == nil)
    #expect(error(small, ["frequency"], recallAt: Array(1...257)) != nil)
    let long = "mixture" + String(repeating: ":h1", count: 12_000)
    #expect(error(small, [long])?.problem.contains("36007 bytes") == true)
  }

  /// What the limits count is what a file of that shape holds.
  @Test func bytesAreThoseOfTheFile() throws {
    let shape = try Samples.shape()
    let learner = try Samples.learner(
      Samples.chunks(shape: shape), shape: shape, predictors: Samples.predictors)
    let settings = ModelLimits.Settings(
      shape: shape, specs: learner.specs, recallAt: learner.recallAt, liveRequests: 8)
    let tables = 3 * 12 * 4 + 2 * 3 * 144 * 4
    let metrics = 4 * 3 * 2 * (16 + 12 * 8)
    #expect(settings.bytes == tables + metrics + 8 * (29 + 9 * 2))
  }
}
