import Foundation
import TestSupport
import Testing

/// The program as its users start it.
enum Program {
  static let path = BuiltProgram.path

  /// Whether all tries are made (`make faults`) or a few.
  static let isFull = ProcessInfo.processInfo.environment["MOECAST_FAULTS"] == "full"

  /// The trace that ships with the project.
  static let trace = models + "/tiny-moe-train.moe.lz4"

  /// The folder of what ships with the project.
  static let models = BuiltProgram.models

  /// How a run of the program ended.
  struct Ending {
    var status: Int32
    /// Ended by a signal, which `status` is then.
    var isKilled: Bool
    var output: String
    var complaint: String
  }

  /// A program under way.
  struct Run {
    let process: Process
    private let output = Pipe()
    private let errors = Pipe()

    /// - Parameters:
    ///   - user: the user it runs as, where we may choose.
    ///   - script: bash that runs `"$@"`, the program with its arguments.
    init(
      _ arguments: [String], environment: [String: String] = [:], as user: Int? = nil,
      script: String? = nil
    ) throws {
      process = Process()
      var command = [Program.path] + arguments
      if let script { command = ["/bin/bash", "-c", script, "bash"] + command }
      // Tests that run in the background have SIGINT ignored, and what they start would ignore it
      // too.
      command = ["/usr/bin/env", "--default-signal=INT,HUP,TERM"] + command
      if let user, getuid() == 0 {
        process.executableURL = URL(filePath: "/usr/bin/setpriv")
        process.arguments = ["--reuid", "\(user)", "--clear-groups"] + command
      } else {
        process.executableURL = URL(filePath: command[0])
        process.arguments = Array(command.dropFirst())
      }
      process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
      process.standardOutput = output
      process.standardError = errors
      process.standardInput = FileHandle.nullDevice
      try process.run()
    }

    /// Waits for the end.
    func ending() -> Ending {
      let printed = output.fileHandleForReading.readDataToEndOfFile()
      let complaint = errors.fileHandleForReading.readDataToEndOfFile()
      process.waitUntilExit()
      return Ending(
        status: process.terminationStatus,
        isKilled: process.terminationReason == .uncaughtSignal,
        output: String(decoding: printed, as: UTF8.self),
        complaint: String(decoding: complaint, as: UTF8.self))
    }
  }

  /// Runs it to its end.
  static func run(_ arguments: [String]) throws -> Ending { try Run(arguments).ending() }

  /// Runs it to its end.
  static func run(
    _ arguments: String..., environment: [String: String] = [:], as user: Int? = nil
  ) throws -> Ending {
    try Run(arguments, environment: environment, as: user).ending()
  }
}

extension Program {
  /// Runs it to its end with a limit on its address space.
  static func limited(to kilobytes: Int, _ arguments: String...) throws -> Ending {
    try Run(arguments, script: limit(to: kilobytes)).ending()
  }

  /// Bash that runs `"$@"` with a limit on its address space.
  static func limit(to kilobytes: Int) -> String { "ulimit -v \(kilobytes); exec \"$@\"" }

  /// Runs it to its end by `script`, bash that runs `"$@"`.
  static func shell(
    _ script: String, _ arguments: [String], environment: [String: String] = [:]
  ) throws -> Ending {
    try Run(arguments, environment: environment, script: script).ending()
  }
}

/// What came of the tries of one fault.
final class Tally {
  private let fault: String
  private(set) var tries = 0
  /// Tries after which training did not end at the bytes of an undisturbed run.
  private var lost = 0
  /// Tries after which something wrong was taken for right.
  private var silent = 0

  init(_ fault: String) { self.fault = fault }

  /// Counts a try; records an issue where something was lost or passed unseen.
  func add(lost isLost: Bool, silent isSilent: Bool, _ place: String = "") {
    tries += 1
    lost += isLost ? 1 : 0
    silent += isSilent ? 1 : 0
    if isLost { Issue.record("\(fault): lost \(place)") }
    if isSilent { Issue.record("\(fault): passed unseen \(place)") }
  }

  /// Prints the fault's line for the table in "What it survives".
  func tell(_ note: String = "") {
    print("FAULT | \(fault) | \(tries) | \(lost) | \(silent) | \(note)")
  }
}

/// A folder with a model under training.
struct Training {
  let folder: TemporaryFolder
  var model: String { folder.file("M.h5") }
  var trace = Program.trace
  /// The predictors: few, so that a run is short.
  var options = ["--predictors", "frequency,layer-markov", "--checkpoint-every", "1", "--json"]

  init() throws { folder = try TemporaryFolder() }

  /// The arguments of a run that goes on where there is something to go on from.
  func arguments(_ more: String...) -> [String] {
    let there = (0...2).contains { FileManager.default.fileExists(atPath: generation($0)) }
    return ["train", trace, "--model", model] + options + (there ? ["--resume"] : []) + more
  }

  func generation(_ number: Int) -> String { number == 0 ? model : "\(model).\(number)" }

  /// The bytes of the model of a run that nothing disturbs.
  static func undisturbed() throws -> [UInt8] {
    let training = try Training()
    let ending = try Program.Run(training.arguments()).ending()
    guard ending.status == 0 else { throw CommandError(ending.complaint) }
    return try training.folder.bytes(of: "M.h5")
  }

  /// Whether what stands in the model's place, if anything, is a whole model.
  func isWhole() throws -> Bool {
    guard FileManager.default.fileExists(atPath: model) else { return true }
    return try Program.run("inspect", "--verify", model).status == 0
  }

  /// Goes on to the end, and tells whether that is the undisturbed run's.
  func endsAt(_ expected: [UInt8], _ more: String...) throws -> Bool {
    let ending = try Program.Run(arguments() + more).ending()
    guard ending.status == 0 else { return false }
    return try folder.bytes(of: "M.h5") == expected && litter() == []
  }

  /// Names in the folder that a finished run leaves nobody.
  func litter() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder.path).filter {
      $0.hasPrefix(".") || $0.hasSuffix(".lock") || $0.hasSuffix(".partial")
    }
  }
}

/// A run that should have succeeded.
struct CommandError: Error, CustomStringConvertible {
  let description: String
  init(_ description: String) { self.description = description }
}
