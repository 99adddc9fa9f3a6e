import Counting
import Export
import Forecast
import Prequential
import RoutingTrace
import TestSupport
import Testing

@Suite struct CSVTablesTests {
  @Test func everyCountStandsOnce() throws {
    let learner = try sampleLearner()
    let tables = try exported(learner, by: CSVTables.self)
    #expect(tables.closed.count == 5 && Set(tables.closed) == Set(tables.files.keys))
    for file in tables.files.keys {
      let cells = tables.lines(file).map {
        $0.split(separator: ",", omittingEmptySubsequences: false)
      }
      #expect(cells.allSatisfy { $0.count == cells[0].count && !$0.contains("") }, "\(file)")
    }
    func sum(_ file: String) -> UInt64 {
      tables.lines(file).dropFirst().reduce(0) {
        $0 + (UInt64($1.split(separator: ",").last ?? "") ?? 0)
      }
    }
    let pairs = learner.layers.map(\.counts.layerPairs)
    #expect(
      sum("layer-markov.csv") == pairs.reduce(0) { $0 + ($1 ?? []).reduce(0) { $0 + UInt64($1) } })
    #expect(
      sum("frequency.csv")
        == learner.layers.reduce(0) { $0 + $1.counts.frequency.reduce(0) { $0 + UInt64($1) } })
    let count = try #require(pairs[1]?.dropFirst(7 * 12 + 3).first)
    #expect(count > 0 && tables.lines("layer-markov.csv").contains("2,1,7,3,\(count)"))
    #expect(!tables.lines("layer-markov.csv").contains { $0.hasPrefix("1,") })
    #expect(tables.lines("token-markov.csv").contains { $0.hasPrefix("1,1,") })
  }

  @Test func factsAndMetricsAreTheModels() throws {
    let learner = try sampleLearner()
    let tables = try exported(learner, by: CSVTables.self)
    let facts = tables.lines("facts.csv")
    for fact in [
      "model,sample", "experts,12", "top_k,3", "model_layers,1 2 5", "learnt_tokens,90",
      "learnt_requests,2",
    ] { #expect(facts.contains(fact), "\(fact)") }
    let score = learner.layers[2].metrics[1].score(of: [.decode])
    let bits = try #require(score.logLossBits)
    let recall = try #require(score.recall(at: 3))
    #expect(
      tables.lines("metrics.csv").contains("layer-markov,5,decode,50,\(recall),\(bits)"))
  }
}
