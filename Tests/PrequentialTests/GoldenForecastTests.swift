import Counting
import Forecast
import Foundation
import LZ4Frame
import Prequential
import RoutingTrace
import TestSupport
import Testing
import TraceImport

/// Equality with `../shared/reference/forecast_golden_*.json`, made by `forecast_reference.py` in
/// numpy, over the real traces.
@Suite(.enabled(if: SharedData.isPresent, "\(SharedData.absence)"))
struct GoldenForecastTests {
  struct Golden: Decodable {
    var recallAt: [Int]
    var events: [String: UInt64]
    var digests: [String: String]
    var recall: [String: [String: [Double]]]
    var logLoss: [String: [String: Double]]

    enum CodingKeys: String, CodingKey {
      case events, recall
      case recallAt = "recall_at"
      case digests = "tables_sha256_uint32_le"
      case logLoss = "log_loss_bits"
    }
  }

  @Test(arguments: [
    ("llama4", "llama-4-maverick", "llama4-maverick-mmlu.tar.xz"),
    ("gpt_oss", "gpt-oss-20b", "gpt-oss-20b-fingerprinting.tar.xz"),
    ("tiny", "tiny-moe", "tiny-moe"),
  ])
  func equality(golden name: String, model: String, traces: String) throws {
    let reference = SharedData.path + "/reference/forecast_golden_\(name).json"
    let golden = try JSONDecoder().decode(
      Golden.self, from: Data(contentsOf: URL(filePath: reference)))
    let folder = try TemporaryFolder()
    let learner = try Self.learn(try SharedData.traces(traces, in: folder), model: model)

    #expect(try Self.digest(learner, \.frequency, in: folder) == golden.digests["c"])
    #expect(try Self.digest(learner, { $0.layerPairs ?? [] }, in: folder) == golden.digests["C"])
    #expect(try Self.digest(learner, { $0.tokenPairs ?? [] }, in: folder) == golden.digests["D"])
    for stage in Stage.allCases {
      for (index, predictor) in learner.predictors.enumerated() {
        let score = learner.score(of: index, stages: [stage])
        #expect(score.events == golden.events[stage.name])
        let key = predictor.replacing("-", with: " ")
        guard let recall = golden.recall[stage.name]?[key] else {
          #expect(score.events == 0)
          continue
        }
        for (n, expected) in zip(golden.recallAt, recall) {
          let reached = try #require(score.recall(at: n))
          #expect(abs(reached - expected) < 1e-6, "\(stage.name) \(predictor) recall@\(n)")
        }
        let bits = try #require(score.logLossBits)
        let expected = try #require(golden.logLoss[stage.name]?[key])
        #expect(abs(bits - expected) < 1e-9, "\(stage.name) \(predictor) log loss")
      }
    }
  }

  static func learn(_ traces: String, model: String) throws -> Learner {
    var importer = try TraceImporter(
      [traces], options: ImportOptions(model: ModelShape.named(model)))
    var writer = try TraceWriter(
      MemorySink(), header: TraceHeader(shape: importer.shape), chunkTokens: 1000)
    while let request = try importer.next() { try writer.append(request) }
    try writer.finish()
    var learner = try Learner(shape: importer.shape, predictors: LearnerTests.predictors)
    for chunk in try chunks(in: writer.sink.bytes) { try learner.consume(chunk, workers: 2) }
    return learner
  }

  /// SHA-256 of one table of all layers as little-endian uint32.
  static func digest(
    _ learner: Learner, _ table: (LayerCounts) -> [UInt32], in folder: TemporaryFolder
  ) throws -> String {
    let bytes = learner.layers.flatMap { layer in
      table(layer.counts).flatMap { count in
        (0..<4).map { UInt8(truncatingIfNeeded: count >> (8 * $0)) }
      }
    }
    let file = try folder.write(bytes, to: "table")
    return String(try run("sha256sum", file).prefix(64))
  }
}
