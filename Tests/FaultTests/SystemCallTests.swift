import Foundation
import TestSupport
import Testing

/// Every system call that changes the model's folder fails once, in every way, or is the process's
/// last.
@Suite(.serialized, .enabled(if: Shim.isPossible, "clang is absent: the shim cannot be built"))
struct SystemCallTests {
  /// Runs training with a fault at step 1, 2, ... until no step is left.
  func atEveryStep(
    _ kind: String, _ tally: Tally, _ check: (Training, Program.Ending, String) throws -> Bool
  ) throws {
    let shim = try Shim()
    var prototype = try Training()
    if !Program.isFull { prototype.options += ["--checkpoint-every", "7"] }
    let expected = try Training.undisturbed()
    var step = 0
    while true {
      step += 1
      var training = try Training()
      training.options = prototype.options + ["--keep", "2"]
      let log = training.folder.file("fault-log")
      let ending = try Program.Run(
        training.arguments(),
        environment: [
          "LD_PRELOAD": shim.path, "FAULT_FOLDER": training.folder.path, "FAULT_LOG": log,
          "FAULT_STEP": "\(step)", "FAULT_KIND": kind,
        ]
      ).ending()
      guard let told = try? String(contentsOfFile: log, encoding: .utf8) else {
        #expect(ending.status == 0 && step > 10)
        return
      }
      try FileManager.default.removeItem(atPath: log)
      let isRight = try check(training, ending, told) && training.isWhole()
      try tally.add(lost: !training.endsAt(expected), silent: !isRight, told)
    }
  }

  @Test func killedAtEveryStep() throws {
    let tally = Tally("kill -9 at every step of every checkpoint")
    var names: Set<Substring> = []
    try atEveryStep("kill", tally) { _, ending, told in
      names.insert(told.split(separator: " ")[1])
      return ending.isKilled
    }
    #expect(names == ["create", "write", "fsync", "link", "rename", "unlink"])
    tally.tell("before " + names.sorted().joined(separator: ", "))
  }

  @Test(arguments: [("EIO", EIO), ("ENOSPC", ENOSPC)])
  func failingAtEveryStep(name: String, code: Int32) throws {
    let tally = Tally("the n-th call fails: \(name)")
    var failures = 0
    try atEveryStep("\(code)", tally) { training, ending, told in
      failures += ending.status == 1 ? 1 : 0
      #expect(ending.status == 0 || ending.complaint.hasPrefix("moecast: "), "\(told)")
      #expect(ending.complaint.split(separator: "\n").count <= 1, "\(told)\(ending.complaint)")
      let litter = try training.litter().filter { $0.hasSuffix(".partial") }
      // What could not be removed goes when the next run begins.
      #expect(litter == [] || told.contains(" unlink "), "\(told)")
      return !ending.isKilled && ending.status <= 1
    }
    tally.tell("\(failures) ended with exit code 1, the others did not need the call")
  }

  @Test(arguments: [("EINTR", "\(EINTR)"), ("a short write", "short")])
  func harmlessAtEveryStep(name: String, kind: String) throws {
    let tally = Tally("the n-th call: \(name)")
    try atEveryStep(kind, tally) { _, ending, _ in ending.status == 0 }
    tally.tell("all went on")
  }
}

/// The library that lets system calls fail.
struct Shim {
  let path: String
  private let folder: TemporaryFolder

  static var isPossible: Bool { (try? TestSupport.run("clang", "--version")) != nil }

  init() throws {
    folder = try TemporaryFolder()
    path = folder.file("fault.so")
    let source = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "Shim/fault.c").path()
    try TestSupport.run("clang", "-shared", "-fPIC", "-O1", "-o", path, source)
  }
}
