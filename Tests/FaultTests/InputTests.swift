import Foundation
import RoutingTrace
import TestSupport
import Testing

/// The trace that a resumed training is given is not the one it was learning from.
@Suite(.serialized) struct InputTests {
  let folder: TemporaryFolder
  /// The shipped trace's header and chunks as separate pieces; two traces that differ in the
  /// middle.
  let trace: [UInt8]
  let starts: [Int]

  init() throws {
    folder = try TemporaryFolder()
    let bytes = Array(try Data(contentsOf: URL(filePath: Program.trace)))
    trace = bytes
    // Every frame begins with the magic 0x184D2204.
    starts = bytes.indices.dropLast(3).filter {
      bytes[$0..<$0 + 4].elementsEqual([0x04, 0x22, 0x4D, 0x18])
    }
  }

  /// Trains on the whole shipped trace half-way, then resumes with `bytes`.
  func resume(with bytes: [UInt8]) throws -> (ending: Program.Ending, training: Training) {
    var training = try Training()
    let first = try Program.Run(training.arguments("--stop-after", "5")).ending()
    #expect(first.status == 0, "\(first.complaint)")
    training.trace = try training.folder.write(bytes, to: "other.moe.lz4")
    return (try Program.Run(training.arguments()).ending(), training)
  }

  @Test func onlyTheSameTraceGoesOn() throws {
    let tally = Tally("input changed between stop and resume")
    let expected = try Training.undisturbed()
    let before = starts[3]
    let after = starts[5]
    let swapped =
      Array(trace[..<before]) + trace[starts[4]..<after] + trace[before..<starts[4]]
      + trace[after...]
    let other = Array(
      try Data(
        contentsOf: URL(
          filePath: Program.trace.replacingOccurrences(of: "train", with: "test"))))
    let cases = [
      ("another trace", other), ("two chunks exchanged", swapped),
      ("a chunk left out", Array(trace[..<before]) + trace[starts[4]...]),
      ("cut before what was seen", Array(trace[..<before])), ("empty", []),
    ]
    for (name, bytes) in cases {
      let (ending, training) = try resume(with: bytes)
      tally.add(lost: false, silent: ending.status != 1, name)
      #expect(ending.complaint.hasPrefix("moecast: "), "\(name): \(ending.complaint)")
      #expect(ending.complaint.split(separator: "\n").count == 1, "\(ending.complaint)")
      var back = training
      back.trace = Program.trace
      try tally.add(lost: !back.endsAt(expected), silent: false, name)
    }
    let (same, training) = try resume(with: trace)
    #expect(same.status == 0)
    try tally.add(lost: training.folder.bytes(of: "M.h5") != expected, silent: false, "the same")
    tally.tell("the same trace, and one that was added to, go on")
  }

  /// A trace that grew goes on as if it had been whole from the beginning.
  @Test func anAppendedTraceGoesOn() throws {
    // Without the trailing index the first half is a trace that is still being written.
    let half = Array(trace[..<starts[6]])
    var training = try Training()
    training.trace = try training.folder.write(half, to: "growing.moe.lz4")
    #expect(try Program.Run(training.arguments()).ending().status == 0)
    try training.folder.write(trace, to: "growing.moe.lz4")
    #expect(try training.endsAt(Training.undisturbed()))
  }
}
