import Forecast
import Prequential
import RoutingTrace
import TestSupport
import Testing

@testable import moecast

/// What `inspect`, `train`, `compare` and `analyze` say in a few words.
@Suite struct SummaryTests {
  private func trace(
    tasks: Int, prefill: Int, decode: Int, in folder: TemporaryFolder
  ) throws -> String {
    let shape = try TraceShape(model: "sample", modelLayers: [1, 2], experts: 12, topK: 2)
    var random = SplitMix64(seed: 3)
    let requests = (0..<tasks).flatMap { task in
      (0..<1 + task % 3).map { _ in
        RequestTrace.random(
          shape: shape, prefill: prefill, decode: decode + task % 5, task: "task \(task)",
          using: &random)
      }
    }
    return try folder.write(
      try traceBytes(of: requests, shape: shape, chunkTokens: 30), to: "\(tasks).moe.lz4")
  }

  /// 64 tasks are two lines, a dozen one.
  @Test func manyTasksAreSummedUp() throws {
    let folder = try TemporaryFolder()
    let facts = try TraceFacts(of: try trace(tasks: 64, prefill: 2, decode: 3, in: folder))
    let lines = facts.plain.split(separator: "\n")
    let place = try #require(lines.firstIndex { $0.hasPrefix("tasks") })
    #expect(lines[place].hasPrefix("tasks       64, the most requests: task 11 3, task 14 3, task"))
    #expect(lines[place + 1].hasPrefix("            the fewest: "))
    #expect(lines[place + 1].hasSuffix("task 9 1; --json has all"))
    #expect(lines[place + 2].hasPrefix("chunks"))
    #expect(facts.tasks.count == 64)
    let few = try TraceFacts(of: try trace(tasks: 12, prefill: 2, decode: 3, in: folder)).plain
    #expect(few.split(separator: "\n").count { $0.contains("task ") } == 1)
    #expect(few.contains("tasks       task 0 1, task 1 2, task 10 2, "))
  }

  /// Lengths of requests are told at a terminal: decoded tokens differ by up to four.
  @Test func lengthsAreDrawnAtATerminal() throws {
    let folder = try TemporaryFolder()
    let facts = try TraceFacts(of: try trace(tasks: 5, prefill: 2, decode: 3, in: folder))
    #expect(!facts.plain.contains("lengths"))
    let lines = facts.lines(on: Terminal(width: 80)).map(\.text)
    // Requests of 5 to 9 tokens: 1, 2, 3, 1 and 2 of them.
    #expect(lines.contains("lengths     5 ▁▅█▁▅ 9 tokens a request"))
  }

  /// A trace of one stage has each row once; of two there are three.
  @Test func oneStageIsTabledOnce() throws {
    let folder = try TemporaryFolder()
    func stages(_ file: String, only: String? = nil) throws -> [String] {
      var stream = try TraceStream([file])
      var learner = try Learner(shape: stream.shape, predictors: ["frequency"])
      while let chunk = try stream.next() { try learner.consume(chunk) }
      let report = AccuracyReport(StreamScores(learner), recallAt: [2], events: 1, seconds: 1)
      let table = report.table(learner.predictors, recallAt: [2], stage: only).plain
      return table.split(separator: "\n").dropFirst().map { String($0.prefix { $0 != " " }) }
    }
    let decode = try trace(tasks: 2, prefill: 0, decode: 9, in: folder)
    #expect(try stages(decode) == ["decode"])
    #expect(try stages(decode, only: "all") == ["all"])
    let both = try trace(tasks: 3, prefill: 4, decode: 9, in: folder)
    #expect(try stages(both) == ["prefill", "decode", "all"])
  }

  /// The lines of a training keep to the terminal: the last predictors are shown, the others named.
  @Test(arguments: [(60, 1), (80, 3), (200, 5)]) func progressKeepsToItsWidth(
    width: Int, shown: Int
  ) throws {
    let shape = try TraceShape(model: "s", modelLayers: [0], experts: 8, topK: 2)
    let learner = try Learner(shape: shape, predictors: PredictorCatalog.standardNames)
    let table = ProgressTable(learner, n: 2, width: width)
    let header = table.header.split(separator: "\n")
    #expect(header.allSatisfy { $0.count <= width })
    #expect(header[0].hasSuffix("mixture"))
    #expect(
      PredictorCatalog.standardNames.count { header[0].contains($0.prefix(13)) } == shown)
    #expect((table.note == nil) == (shown == 5))
    if let note = table.note { #expect(note.contains("frequency")) }
    #expect(ProgressTable(learner, n: 2).header.count > 150)
  }

  /// The winner is named with the paired difference: that of the figures, within its interval.
  @Test func theWinnerIsNamed() throws {
    let folder = try TemporaryFolder()
    var stream = try TraceStream([try writeSampleTrace(to: "t.moe.lz4", in: folder)])
    var comparison = try Comparison(
      shape: stream.shape, predictors: ["frequency", "layer-markov", "token-markov"])
    while let chunk = try stream.next() { try comparison.consume(chunk) }
    let verdicts = Verdict.all(of: comparison.scores, stage: "all", resamples: 200, seed: 1)
    #expect(verdicts.map(\.figure) == ["recall@2", "log_loss_bits"])
    let place = try #require(comparison.recallAt.firstIndex(of: 2))
    for verdict in verdicts {
      let score = { (name: String) -> Double in
        let index = comparison.learner.predictors.firstIndex(of: name) ?? 0
        let score = comparison.learner.score(of: index, stages: Stage.allCases)
        return verdict.figure == "recall@2"
          ? score.recall(at: 2) ?? 0 : -(score.logLossBits ?? 0)
      }
      let ranked = comparison.learner.predictors.sorted { score($0) > score($1) }
      #expect([verdict.best, verdict.next] == Array(ranked.prefix(2)))
      #expect(abs(verdict.lead.value - (score(verdict.best) - score(verdict.next))) < 1e-9)
      #expect(verdict.lead.low <= verdict.lead.value && verdict.lead.value <= verdict.lead.high)
    }
    // Paired, the interval is narrower than those of the two figures added.
    let own = try #require(
      comparison.estimates(of: 1, stages: Stage.allCases, resamples: 200, seed: 1))
    let same = try #require(
      comparison.scores.advantage(of: 1, over: 1, stages: Stage.allCases, resamples: 200, seed: 1))
    #expect(
      [same.recall[place].value, same.recall[place].low, same.recall[place].high] == [0, 0, 0])
    #expect(own.recall[place].high > own.recall[place].low)
    #expect(verdicts[0].description.contains("\(verdicts[0].best)"))
    #expect(
      verdicts[0].description.hasPrefix(
        verdicts[0].lead.low > 0 ? "best by recall@2: " : "no clear winner by recall@2: "))
  }

  /// One predictor has nobody to win against.
  @Test func oneAloneIsNoWinner() throws {
    let shape = try TraceShape(model: "s", modelLayers: [0], experts: 8, topK: 2)
    let alone = try Comparison(shape: shape, predictors: ["frequency"])
    #expect(Verdict.all(of: alone.scores, stage: "all", resamples: 10, seed: 1).isEmpty)
    let empty = try Comparison(shape: shape, predictors: ["frequency", "layer-markov"])
    #expect(Verdict.all(of: empty.scores, stage: "all", resamples: 10, seed: 1).isEmpty)
  }
}
