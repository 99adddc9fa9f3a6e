import Foundation
import TestSupport
import Testing

/// The process ends at any moment: what is there afterwards loads, and training goes on to the same
/// bytes.
@Suite(.serialized) struct KillTests {
  @Test func atRandomMoments() throws {
    let expected = try Training.undisturbed()
    let clock = ContinuousClock()
    let start = clock.now
    _ = try Training.undisturbed()
    let whole = (clock.now - start) / .seconds(1)
    var random = SplitMix64(seed: 20)
    let tally = Tally("kill -9 at random moments")
    var kills = 0
    for number in 0..<(Program.isFull ? 200 : 8) {
      let training = try Training()
      var isWhole = true
      // Every fourth model is killed three times over.
      for _ in 0..<(number % 4 == 3 ? 3 : 1) {
        let run = try Program.Run(training.arguments())
        Thread.sleep(forTimeInterval: Double.random(in: 0..<whole, using: &random))
        kill(run.process.processIdentifier, SIGKILL)
        if run.ending().isKilled { kills += 1 }
        isWhole = try isWhole && training.isWhole()
      }
      try tally.add(lost: !training.endsAt(expected), silent: !isWhole)
    }
    #expect(kills > 0)
    tally.tell("\(kills) kills met a running program")
  }

  /// SIGTERM and SIGINT let the chunk end, checkpoint and say so.
  @Test func askedToStop() throws {
    let expected = try Training.undisturbed()
    var random = SplitMix64(seed: 21)
    let tally = Tally("SIGTERM and SIGINT at random moments")
    var stops = 0
    for number in 0..<(Program.isFull ? 40 : 4) {
      var training = try Training()
      // Only the checkpoint that the signal asks for.
      training.options = ["--predictor", "frequency,layer-markov", "--json"]
      let run = try Program.Run(training.arguments())
      Thread.sleep(forTimeInterval: Double.random(in: 0.01..<0.3, using: &random))
      kill(run.process.processIdentifier, number % 2 == 0 ? SIGTERM : SIGINT)
      let ending = run.ending()
      // Killed: before the program had said that it listens.
      if ending.complaint.contains("--resume goes on from there") { stops += 1 }
      let isRight = try training.isWhole() && (ending.isKilled || ending.status == 0)
      try tally.add(lost: !training.endsAt(expected), silent: !isRight)
    }
    tally.tell("\(stops) stopped between chunks with a checkpoint, the others before or at the end")
  }

  @Test func aSecondWriterIsRefused() throws {
    let training = try Training()
    // A FIFO holds the first writer up, the lock in its hands.
    var first = training
    first.trace = training.folder.file("fifo")
    try #require(mkfifo(first.trace, 0o600) == 0)
    let run = try Program.Run(first.arguments())
    while !FileManager.default.fileExists(atPath: training.model + ".lock") {
      Thread.sleep(forTimeInterval: 0.01)
    }
    let tally = Tally("two writers; the lock of a killed one")
    let second = try Program.Run(training.arguments()).ending()
    #expect(second.complaint.contains("is being written by process"))
    tally.add(lost: false, silent: second.status != 1)
    kill(run.process.processIdentifier, SIGKILL)
    _ = run.ending()
    let third = try Program.Run(training.arguments()).ending()
    #expect(third.complaint.contains("was killed; going on"))
    try tally.add(lost: third.status != 0 || training.litter() != [], silent: false)
    tally.tell()
  }
}
