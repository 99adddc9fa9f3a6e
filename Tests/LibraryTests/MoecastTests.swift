import Foundation
import Moecast
import TestSupport
import Testing

/// What users of the library import and copy: one module, and the example at its top.
@Suite struct MoecastTests {
  static let package = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    .dropLast(3).joined(separator: "/")

  @Test func theExampleRuns() throws {
    let trace = Self.package + "/models/tiny-moe-test.moe.lz4"
    let folder = try TemporaryFolder()
    let model = folder.file("model.h5")

    // begin
    let stream = try TraceStream([trace])
    var learner = try Learner(shape: stream.shape, predictors: ["layer-markov", "mixture-fast"])
    var run = TrainingRun()
    run.stopAfter = 4
    try run.consume(stream, into: &learner)
    let recall = learner.score(of: 1, stages: [.decode]).recall(at: 8)
    try Checkpoint.write(learner, to: model)
    // end

    // By chance it would be 8 of 64.
    #expect(try #require(recall) > 0.4)
    #expect(learner.progress.chunks == 4)
    let back = try Checkpoint.read(model).learner
    #expect(back.layers == learner.layers)
  }

  /// What stands at the module's top is what ran above.
  @Test func theExampleIsTheOneAtTheTop() throws {
    func lines(_ path: String) throws -> [Substring] {
      try String(contentsOfFile: path, encoding: .utf8)
        .split(separator: "\n", omittingEmptySubsequences: false)
    }
    let top = try lines(Self.package + "/Sources/Moecast/Moecast.swift")
    let shown = top.drop { $0 != "/// ```swift" }.dropFirst().prefix { $0 != "/// ```" }
      .map { $0.dropFirst(4) }
    let own = try lines(#filePath)
    let run = own.drop { $0 != "    // begin" }.dropFirst().prefix { $0 != "    // end" }
      .map { $0.dropFirst(4) }
    #expect(shown == run)
    #expect(shown.count == 7)
  }
}
