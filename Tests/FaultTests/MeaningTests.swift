import Foundation
import TestSupport
import Testing

/// Traces whose bytes and sums are right and that say what means nothing.
@Suite struct MeaningTests {
  @Test func meaninglessTracesTeachNothing() throws {
    let tally = Tally("well-formed traces with one thing in them that means nothing, of 16 kinds")
    let faults = MeaninglessTrace.Fault.allCases
    var random = SplitMix64(seed: 24)
    for number in 0..<(Program.isFull ? 512 : 32) {
      let fault = faults[number % faults.count]
      let trace = try MeaninglessTrace(fault, using: &random)
      let folder = try TemporaryFolder()
      let path = try folder.write(trace.bytes, to: "t.moe.lz4")
      let intact = try folder.write(trace.intact, to: "intact.moe.lz4")
      func train(_ path: String, _ model: String) throws -> Program.Ending {
        try Program.run(
          "train", path, "--model", folder.file(model), "--predictors", "layer-markov", "--quiet")
      }
      let inspected = try Program.run("inspect", "--verify", "--json", path)
      let trained = try train(path, "M.h5")
      let isTold =
        inspected.status == 1 && inspected.output.contains("chunk \(trace.faulty), byte ")
        && trained.status == 1 && trained.complaint.contains("chunk \(trace.faulty), byte ")
        && trained.complaint.contains("nothing was learnt from this one")
      // What the chunks before it teach, and nothing else.
      let isKept =
        try train(intact, "I.h5").status == 0
        && folder.bytes(of: "M.h5") == folder.bytes(of: "I.h5")
      tally.add(lost: !isKept, silent: !isTold, "\(fault): \(inspected) \(trained)")
    }
    tally.tell("each names chunk and byte; the model is that of the chunks before")
  }
}
