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

  /// SIGTERM, SIGINT and SIGHUP let the chunk end, checkpoint and say so.
  @Test func askedToStop() throws {
    let expected = try Training.undisturbed()
    var random = SplitMix64(seed: 21)
    let tally = Tally("SIGTERM, SIGINT and SIGHUP at random moments")
    let signals = [(SIGTERM, "SIGTERM"), (SIGINT, "SIGINT"), (SIGHUP, "SIGHUP")]
    var stops = 0
    for number in 0..<(Program.isFull ? 60 : 6) {
      var training = try Training()
      // Only the checkpoint that the signal asks for.
      training.options = ["--predictors", "frequency,layer-markov", "--json"]
      let run = try Program.Run(training.arguments())
      Thread.sleep(forTimeInterval: Double.random(in: 0.01..<0.3, using: &random))
      let (signal, name) = signals[number % 3]
      kill(run.process.processIdentifier, signal)
      let ending = run.ending()
      // Killed: before the program had said that it listens. 0: at its end already.
      let isStopped = ending.complaint.contains("stopped by \(name) ")
      if isStopped { stops += 1 }
      #expect(!ending.complaint.contains("CancellationError"))
      let isRight =
        try training.isWhole()
        && (ending.isKilled || ending.status == (isStopped ? 128 + signal : 0))
      try tally.add(lost: !training.endsAt(expected), silent: !isRight)
    }
    tally.tell("\(stops) stopped between chunks with a checkpoint, the others before or at the end")
  }

  /// A training that waits for a pipe ends by the first signal, by the second at once.
  @Test(arguments: [(SIGINT, "SIGINT"), (SIGTERM, "SIGTERM"), (SIGHUP, "SIGHUP")])
  func askedToStopWhileWaiting(signal: Int32, name: String) throws {
    var training = try Training()
    training.trace = training.folder.file("fifo")
    try #require(mkfifo(training.trace, 0o600) == 0)
    let run = try Program.Run(training.arguments())
    // Opening it lets the program open its end.
    let pipe = try FileHandle(forWritingTo: URL(filePath: training.trace))
    let header = try Data(contentsOf: URL(filePath: Program.trace))
    try pipe.write(contentsOf: header.prefix(100_000))
    while !FileManager.default.fileExists(atPath: training.model) {
      Thread.sleep(forTimeInterval: 0.01)
    }
    kill(run.process.processIdentifier, signal)
    let ending = run.ending()
    #expect(ending.status == 128 + signal && !ending.isKilled, "\(ending)")
    #expect(
      ending.complaint.hasPrefix("moecast: stopped by \(name) after ")
        && ending.complaint.hasSuffix("chunks; --resume goes on from there\n"),
      "\(ending.complaint)")
    try pipe.close()
    training.trace = Program.trace
    #expect(try training.endsAt(Training.undisturbed()))
  }

  /// A sweep prints what it has when it is asked to stop, keeps it, and goes on from it to the bytes
  /// of a run that never stopped.
  @Test func aSweepGoesOn() throws {
    let folder = try TemporaryFolder()
    let kept = folder.file("sweep.kept")
    let sweep = [
      "simulate", "sweep", Program.trace, "--shape", "tiny-moe,mixtral-8x7b", "--batch", "64,256",
      "--steps", "4", "--csv", "--workers", "1",
    ]
    let whole = try Program.run(sweep)
    #expect(whole.status == 0)
    let run = try Program.Run(sweep + ["--resume", kept])
    func lines() -> Int {
      (try? String(contentsOfFile: kept, encoding: .utf8))?.split(separator: "\n").count ?? 0
    }
    while lines() < 3, run.process.isRunning { Thread.sleep(forTimeInterval: 0.005) }
    kill(run.process.processIdentifier, SIGINT)
    let stopped = run.ending()
    #expect(stopped.status == 128 + SIGINT && !stopped.isKilled, "\(stopped)")
    #expect(
      stopped.complaint.hasPrefix("moecast: stopped by SIGINT after ")
        && stopped.complaint.contains(" of 60 runs; the same with --resume \(kept) goes on"),
      "\(stopped.complaint)")
    let printed = stopped.output.split(separator: "\n")
    let all = whole.output.split(separator: "\n")
    #expect(printed.count > 1 && printed.count < all.count && printed[0] == all[0])
    #expect(lines() >= 3)
    let resumed = try Program.run(sweep + ["--resume", kept])
    #expect(resumed.status == 0 && resumed.output == whole.output)
    // Nothing is left to do: it is printed again, and nothing more is kept.
    let before = lines()
    #expect(try Program.run(sweep + ["--resume", kept]).output == whole.output)
    #expect(lines() == before)
    let other = try Program.run(sweep + ["--resume", kept, "--block", "20"])
    #expect(other.status == 1 && other.complaint.contains("results of other options"))
  }

  /// A comparison that was asked to stop goes on to the figures of one that never stopped.
  @Test func aComparisonGoesOn() throws {
    let folder = try TemporaryFolder()
    let fifo = folder.file("fifo")
    let kept = folder.file("c.h5")
    try #require(mkfifo(fifo, 0o600) == 0)
    let compare = ["compare", "--predictors", "frequency,layer-markov", "--json"]
    let run = try Program.Run(compare + ["--resume", kept, fifo])
    let pipe = try FileHandle(forWritingTo: URL(filePath: fifo))
    let trace = try Data(contentsOf: URL(filePath: Program.trace))
    try pipe.write(contentsOf: trace.prefix(250_000))
    kill(run.process.processIdentifier, SIGINT)
    let stopped = run.ending()
    try pipe.close()
    #expect(stopped.status == 128 + SIGINT && !stopped.isKilled, "\(stopped)")
    #expect(stopped.complaint.contains("the same with --resume \(kept) goes on from there"))
    let resumed = try object(try Program.run(compare + ["--resume", kept, Program.trace]).output)
    let whole = try object(try Program.run(compare + [Program.trace]).output)
    for key in ["lines", "verdicts", "requests", "tokens"] {
      let (a, b) = (resumed[key] as? NSObject, whole[key] as? NSObject)
      #expect(a == b && a != nil, "\(key)")
    }
  }

  /// `compare` and `analyze` tell what they have read so far, and say that it is a part.
  @Test(arguments: [
    (["compare", "--predictors", "frequency,layer-markov"], SIGINT, "SIGINT"),
    (["compare", "--predictors", "frequency,layer-markov"], SIGTERM, "SIGTERM"),
    (["compare", "--predictors", "frequency,layer-markov"], SIGHUP, "SIGHUP"),
    (["analyze"], SIGINT, "SIGINT"),
  ])
  func figuresSoFar(command: [String], signal: Int32, name: String) throws {
    let folder = try TemporaryFolder()
    let fifo = folder.file("fifo")
    try #require(mkfifo(fifo, 0o600) == 0)
    let run = try Program.Run(command + [fifo, "--json"])
    let pipe = try FileHandle(forWritingTo: URL(filePath: fifo))
    // More than a pipe holds: behind this, chunks have been used.
    let trace = try Data(contentsOf: URL(filePath: Program.trace))
    try pipe.write(contentsOf: trace.prefix(250_000))
    kill(run.process.processIdentifier, signal)
    let ending = run.ending()
    try pipe.close()
    #expect(ending.status == 128 + signal && !ending.isKilled, "\(ending)")
    let complaint = ending.complaint.split(separator: " ")
    try #require(complaint.count > 5, "\(ending.complaint)")
    let chunks = try #require(Int(complaint[5]))
    let kept = command[0] == "compare" ? "; --resume FILE would have kept them" : ""
    #expect(
      ending.complaint == "moecast: stopped by \(name) after \(chunks) chunk"
        + (chunks == 1 ? "" : "s") + "; the figures are partial: of those alone\(kept)\n")
    #expect((1..<14).contains(chunks))
    // They are those of a training that stops there.
    let trained = try Program.run(
      "train", Program.trace, "--predictors", "frequency,layer-markov", "--stop-after", "\(chunks)",
      "--json")
    let (own, wanted) = (try object(ending.output), try object(trained.output))
    #expect(own["requests"] as? Int == wanted["requests"] as? Int)
    guard command[0] == "compare" else { return }
    #expect(own["tokens"] as? Int == wanted["tokens"] as? Int)
    for figures in ["recall", "log_loss_bits"] {
      let layers = own["layers"] as? [String: Any]
      #expect(layers?[figures] as? NSDictionary == wanted[figures] as? NSDictionary)
    }
    #expect((own["lines"] as? [Any])?.count == 6)
  }

  /// A signal in the middle of files, where nobody waits for a pipe: the next chunk is not begun.
  @Test func figuresSoFarOfFiles() throws {
    let traces = Array(repeating: Program.trace, count: 6)
    let run = try Program.Run(["compare", "--predictors", "mixture", "--json"] + traces)
    Thread.sleep(forTimeInterval: 0.7)
    kill(run.process.processIdentifier, SIGTERM)
    let ending = run.ending()
    #expect(ending.status == 128 + SIGTERM && !ending.isKilled, "\(ending.complaint)")
    // Where one file was read to its end, chunks that come again are told before it.
    let line = try #require(ending.complaint.split(separator: "\n").last)
    let words = line.split(separator: " ")
    try #require(words.count > 5, "\(ending.complaint)")
    #expect((1..<6 * 14).contains(try #require(Int(words[5]))), "\(ending.complaint)")
    #expect(try object(ending.output)["tokens"] is Int)
  }

  /// A signal before the first chunk: there are no figures, and none are printed.
  @Test func noFiguresYet() throws {
    let folder = try TemporaryFolder()
    let fifo = folder.file("fifo")
    try #require(mkfifo(fifo, 0o600) == 0)
    let run = try Program.Run(["compare", "--predictors", "frequency", fifo])
    let pipe = try FileHandle(forWritingTo: URL(filePath: fifo))
    Thread.sleep(forTimeInterval: 0.1)
    kill(run.process.processIdentifier, SIGTERM)
    let ending = run.ending()
    try pipe.close()
    #expect(ending.status == 128 + SIGTERM && ending.output.isEmpty, "\(ending)")
    #expect(ending.complaint == "moecast: stopped by SIGTERM before the first chunk\n")
  }

  private func object(_ json: String) throws -> [String: Any] {
    let value = try JSONSerialization.jsonObject(with: Data(json.utf8))
    return try #require(value as? [String: Any])
  }

  /// Two signals on each other's heels: the same status, and nothing is harmed.
  @Test func askedToStopTwice() throws {
    let expected = try Training.undisturbed()
    var training = try Training()
    training.trace = training.folder.file("fifo")
    try #require(mkfifo(training.trace, 0o600) == 0)
    let run = try Program.Run(training.arguments())
    let pipe = try FileHandle(forWritingTo: URL(filePath: training.trace))
    try pipe.write(contentsOf: try Data(contentsOf: URL(filePath: Program.trace)).prefix(100_000))
    while !FileManager.default.fileExists(atPath: training.model) {
      Thread.sleep(forTimeInterval: 0.01)
    }
    kill(run.process.processIdentifier, SIGTERM)
    Thread.sleep(forTimeInterval: 0.02)
    kill(run.process.processIdentifier, SIGINT)
    let ending = run.ending()
    #expect([128 + SIGINT, 128 + SIGTERM].contains(ending.status), "\(ending)")
    #expect(try training.isWhole())
    try pipe.close()
    training.trace = Program.trace
    #expect(try training.endsAt(expected))
  }

  /// Under `nohup`, a terminal that is closed stops nothing.
  @Test func whatWasIgnoredStaysIgnored() throws {
    let training = try Training()
    let ending = try Program.shell(
      "trap '' HUP; \"$@\" & sleep .05; kill -HUP $!; wait $!", training.arguments())
    #expect(ending.status == 0, "\(ending)")
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
