import Counting
import Export
import Forecast
import Foundation
import Prequential
import RoutingTrace
import TestSupport
import Testing

@Suite struct JSONTablesTests {
  private struct Document: Decodable {
    struct Figure: Decodable {
      var predictor: String
      var layer: Int
      var stage: String
      var events: UInt64
      var recallAtK: Double
      var logLossBits: Double
    }

    struct Tables: Decodable {
      var frequency: [[UInt32]]
      var layer: [[[UInt32]]]
      var token: [[[UInt32]]]

      enum CodingKeys: String, CodingKey {
        case frequency
        case layer = "layer-markov"
        case token = "token-markov"
      }
    }

    var model: String
    var experts: Int
    var topK: Int
    var modelLayers: [Int]
    var predictors: [String]
    var facts: [String: String]
    var tables: Tables
    var metrics: [Figure]
  }

  @Test func theDocumentHoldsTheModel() throws {
    let learner = try sampleLearner()
    let bytes = try exported(learner, by: JSONTables.self).output
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let document = try decoder.decode(Document.self, from: Data(bytes))
    #expect(document.model == "sample" && document.experts == 12 && document.topK == 3)
    #expect(document.modelLayers == [1, 2, 5] && document.predictors == learner.predictors)
    #expect(document.facts["learnt_tokens"] == "90" && document.facts["prior_row"] == "2.0")
    let counts = learner.layers.map(\.counts)
    #expect(document.tables.frequency == counts.map(\.frequency))
    #expect(document.tables.layer.map { $0.flatMap(\.self) } == counts.map { $0.layerPairs ?? [] })
    #expect(document.tables.token.map { $0.flatMap(\.self) } == counts.map { $0.tokenPairs ?? [] })
    #expect(document.metrics.count == 4 * 3 * 2)
    let figure = try #require(
      document.metrics.first {
        $0.predictor == "token-markov" && $0.layer == 5 && $0.stage == "decode"
      })
    let score = learner.layers[2].metrics[3].score(of: [.decode])
    #expect(figure.events == score.events && figure.recallAtK == score.recall(at: 3))
    #expect(figure.logLossBits == score.logLossBits)
  }
}
