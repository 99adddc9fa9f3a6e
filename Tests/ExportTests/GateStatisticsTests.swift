import Export
import FoundationEssentials
import RoutingTrace
import TestSupport
import Testing

@Suite struct GateStatisticsTests {
  private struct Content: Decodable {
    var model: String
    var numExperts: Int
    var numExpertsPerTok: Int
    var nCalls: Int
    var curve: [[Double]]
  }

  /// Two requests of three tokens and one layer, an event of which is empty.
  @Test func theCurveCountsDistinctExperts() throws {
    let shape = try TraceShape(model: "small", modelLayers: [3], experts: 8, topK: 2)
    let none = TokenBlock.emptySlot
    let block = try TokenBlock(
      shape: shape,
      runs: (0..<2).map {
        TokenRun(request: $0, stage: .decode, firstToken: 0, count: 3, endsRequest: true)
      }, ids: [0, 1, 2, 3, none, none, 1, 2, 2, 3, 4, none])
    var settings = ExportSettings()
    settings.batch = 2
    let bytes = try exported([block], by: GateStatistics.self, settings).output
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let content = try decoder.decode(Content.self, from: Data(bytes))
    #expect(content.model == "small" && content.numExperts == 8)
    #expect(content.numExpertsPerTok == 2 && content.nCalls == 5)
    // One token: 2, 2 and, in the last step, 1; two: {0, 1, 2} and {2, 3}.
    #expect(content.curve == [[1, 5 / 3, 3], [2, 2.5, 2]])
  }
}
