import Foundation
import ModelFile
import Prequential
import TestSupport
import Testing

/// What once lost a model or an input: generations, temporary files, locks, links and names.
@Suite(.serialized, .enabled(if: Shim.isPossible, "clang is absent: the shim cannot be built"))
struct LossTests {
  /// A damaged newest model over an intact older one, and a fault at every step of the next
  /// checkpoint: what the older one knew is never lost.
  @Test(arguments: [("kill", "kill -9"), ("\(EIO)", "EIO"), ("\(ENOSPC)", "ENOSPC")])
  func aDamagedModelOverAnIntactOne(kind: String, name: String) throws {
    let expected = try Training.undisturbed()
    let shim = try Shim()
    let tally = Tally("newest model damaged over an intact older one, then \(name) at every step")
    let first = try Training()
    for stop in ["4", "8"] {
      #expect(try Program.Run(first.arguments("--stop-after", stop)).ending().status == 0)
    }
    let (newest, older) = (try first.folder.bytes(of: "M.h5"), try first.folder.bytes(of: "M.h5.1"))
    let intact = try Checkpoint.read(first.generation(1)).learner.progress.chunks
    var step = 0
    while true {
      step += 1
      let training = try Training()
      try training.folder.write(Array(newest[..<50_000]), to: "M.h5")
      try training.folder.write(older, to: "M.h5.1")
      let log = training.folder.file("fault-log")
      _ = try Program.Run(
        training.arguments("--stop-after", "10"),
        environment: [
          "LD_PRELOAD": shim.path, "FAULT_FOLDER": training.folder.path, "FAULT_LOG": log,
          "FAULT_STEP": "\(step)", "FAULT_KIND": kind,
        ]
      ).ending()
      guard let told = try? String(contentsOfFile: log, encoding: .utf8) else { break }
      try FileManager.default.removeItem(atPath: log)
      let known = (0...1).compactMap {
        try? Checkpoint.read(training.generation($0)).learner.progress.chunks
      }.max()
      let isKept = (known ?? 0) >= intact
      try tally.add(lost: !isKept || !training.endsAt(expected), silent: false, told)
      if !Program.isFull, step >= 14 { break }
    }
    #expect(tally.tries > 10)
    tally.tell("the intact one stays, and training ends at the same bytes")
  }

  /// A trainer of one model leaves the temporary files of models with like names alone.
  @Test func othersTemporaryFiles() throws {
    let expected = try Training.undisturbed()
    let tally = Tally("writers of `run.h5` and `run` in one folder at once")
    for _ in 0..<(Program.isFull ? 20 : 3) {
      let training = try Training()
      let arguments = ["train", training.trace] + training.options
      let long = try Program.Run(arguments + ["--model", training.folder.file("run.h5")])
      var isRight = true
      while long.process.isRunning {
        let other = try Program.run(
          "train", training.trace, "--model", training.folder.file("run"), "--predictors",
          "frequency", "--stop-after", "1", "--quiet")
        isRight = isRight && other.status == 0
      }
      isRight = isRight && long.ending().status == 0
      try tally.add(
        lost: training.folder.bytes(of: "run.h5") != expected, silent: !isRight,
        "\(training.litter())")
    }
    tally.tell()
  }

  @Test func withoutHardLinks() throws {
    let expected = try Training.undisturbed()
    let shim = try Shim()
    let tally = Tally("a file system without hard links: EPERM, EOPNOTSUPP, EMLINK, ENOSYS")
    for code in [EPERM, EOPNOTSUPP, EMLINK, ENOSYS] {
      var training = try Training()
      training.options += ["--keep", "2"]
      let ending = try Program.Run(
        training.arguments(),
        environment: ["LD_PRELOAD": shim.path, "FAULT_LINKS": "\(code)"]
      ).ending()
      let warnings = ending.complaint.split(separator: "\n")
      let isTold = warnings.count == 1 && ending.complaint.contains("older generations are copied")
      let whole = (0...2).allSatisfy { (try? Checkpoint.read(training.generation($0))) != nil }
      try tally.add(
        lost: training.folder.bytes(of: "M.h5") != expected || !whole,
        silent: ending.status != 0 || !isTold || training.litter() != [], "\(ending)")
    }
    tally.tell("copied, with one warning before the first chunk")
  }

  @Test func withoutLocks() throws {
    let expected = try Training.undisturbed()
    let shim = try Shim()
    let tally = Tally("a file system without locks: ENOLCK, ENOSYS, ENOTSUP, 524")
    for (code, option) in [
      (ENOLCK, nil), (ENOSYS, nil), (ENOTSUP, nil), (524, nil), (ENOLCK, "--no-lock"),
    ] {
      let training = try Training()
      let ending = try Program.Run(
        training.arguments() + (option.map { [$0] } ?? []),
        environment: ["LD_PRELOAD": shim.path, "FAULT_LOCKS": "\(code)"]
      ).ending()
      let warnings = ending.complaint.split(separator: "\n").filter {
        $0.contains("keeps no locks")
      }
      try tally.add(
        lost: training.folder.bytes(of: "M.h5") != expected,
        silent: ending.status != 0 || warnings.count != (option == nil ? 1 : 0)
          || training.litter() != [], "\(ending)")
    }
    tally.tell("written, with one warning that --no-lock silences; no lock file stays")
  }

  /// One model by its name, by symbolic links to it and to its folder.
  @Test func twoNamesOfOneModel() throws {
    let training = try Training()
    let manager = FileManager.default
    try manager.createDirectory(
      atPath: training.folder.file("real"), withIntermediateDirectories: false)
    try manager.createSymbolicLink(
      atPath: training.folder.file("folder"), withDestinationPath: "real")
    try training.folder.write(Training.undisturbed(), to: "real/M.h5")
    try manager.createSymbolicLink(
      atPath: training.folder.file("link.h5"), withDestinationPath: "real/M.h5")
    let fifo = training.folder.file("fifo")
    try #require(mkfifo(fifo, 0o600) == 0)
    let tally = Tally("one model written by two of its names at once")
    let names = ["real/M.h5", "folder/M.h5", "link.h5"]
    for name in names {
      let first = try Program.Run(
        ["train", fifo, "--model", training.folder.file(name)] + training.options)
      while !manager.fileExists(atPath: training.folder.file("real/M.h5.lock")) {
        Thread.sleep(forTimeInterval: 0.01)
      }
      for other in names {
        let second = try Program.run(
          ["train", training.trace, "--model", training.folder.file(other)] + training.options)
        tally.add(
          lost: false,
          silent: second.status != 1 || !second.complaint.contains("is being written by process"),
          "\(name), \(other): \(second)")
      }
      kill(first.process.processIdentifier, SIGKILL)
      _ = first.ending()
      try manager.removeItem(atPath: training.folder.file("real/M.h5.lock"))
    }
    tally.tell("the second is refused")
  }

  /// Every command that writes, told to write over what it reads, and over what is of another kind.
  @Test func outputsAreNoInputs() throws {
    let model = Program.models + "/tiny-moe.h5"
    let trace = Program.models + "/tiny-moe-test.moe.lz4"
    let commands: [(input: String, arguments: (_ input: String, _ output: String) -> [String])] = [
      ("t", { ["report", "--sections", "observations", $0, "-o", $1] }),
      ("m", { ["export", "--model", $0, "--to", "npz", "-o", $1] }),
      ("m", { ["export", "--model", $0, "--to", "json", "-o", $1] }),
      ("t", { ["export", $0, "--to", "npy", "-o", $1] }),
      ("t", { ["export", $0, "--to", "oracle-general", "-o", $1] }),
      ("m", { ["merge", $0, $0, "-o", $1] }),
      ("m", { ["sample", "--model", $0, "--requests", "1", "-o", $1] }),
      ("t", { ["inspect", $0, "--repair", $1] }),
      ("t", { ["train", $0, "--predictors", "frequency", "--model", $1] }),
      ("j", { ["import", "--experts", "4", $0, "-o", $1] }),
    ]
    let contents = [
      "t": Array(try Data(contentsOf: URL(filePath: trace))),
      "m": Array(try Data(contentsOf: URL(filePath: model))),
      "j": Array("[{\"0\": [[1], [2]]}]".utf8), "notes": Array("my notes".utf8),
    ]
    let tally = Tally("an output that is an input by name, link or hard link, or another's file")
    for (input, arguments) in commands {
      for way in ["name", "symbolic", "hard", "forced", "notes"] {
        let folder = try TemporaryFolder()
        for (name, bytes) in contents { try folder.write(bytes, to: name) }
        let manager = FileManager.default
        try manager.createSymbolicLink(
          atPath: folder.file("symbolic"), withDestinationPath: input)
        try manager.linkItem(atPath: folder.file(input), toPath: folder.file("hard"))
        let output = ["name": input, "forced": input][way] ?? way
        let command = arguments(folder.file(input), folder.file(output))
        let ending = try Program.run(command + (way == "forced" ? ["--force"] : []))
        let isKept = try contents.allSatisfy { try folder.bytes(of: $0.key) == $0.value }
        tally.add(
          lost: !isKept, silent: ending.status != 1 || !ending.complaint.contains("name another"),
          "\(command) \(way): \(ending)")
      }
    }
    tally.tell("refused before anything is read")
  }

  /// A model that another command replaces stays as a generation.
  @Test func aReplacedModelIsKept() throws {
    let training = try Training()
    let (one, two) = (try Training.undisturbed(), Program.models + "/tiny-moe.h5")
    try training.folder.write(one, to: "M.h5")
    #expect(try Program.run("merge", two, "-o", training.model).status == 0)
    #expect(try training.folder.bytes(of: "M.h5") != one)
    #expect(try training.folder.bytes(of: "M.h5.1") == one)
    let exported = try Program.run(
      "export", "--model", two, "--to", "json", "-o", training.model, "--force")
    #expect(exported.status == 0)
    #expect(try Checkpoint.read(training.generation(1)).learner.total(\.chunks) > 0)
    // A damaged one pushes no intact one out, and an older generation may be what is read.
    let kept = try training.folder.bytes(of: "M.h5.1")
    try training.folder.write(Array(one[..<40_000]), to: "M.h5")
    let forced = try Program.run(
      "export", "--model", two, "--to", "json", "-o", training.model, "--force")
    #expect(forced.status == 0)
    #expect(try training.folder.bytes(of: "M.h5.1") == kept)
    try training.folder.write(one, to: "M.h5")
    let over = try Program.run(
      "export", "--model", training.generation(1), "--to", "json", "-o", training.model,
      "--force")
    #expect(over.status == 1 && over.complaint.contains("though it is an input"), "\(over)")
    #expect(try training.folder.bytes(of: "M.h5.1") == kept)
    #expect(try training.litter() == [])
  }

  @Test func namesThatAreNoUTF8() throws {
    let folder = try TemporaryFolder()
    let ending = try Program.shell(
      """
      cd "$2" && shift && n=$(printf 'a\\377.moe.lz4') && cp "$2" "$n" && mkdir $(printf 'd\\200') &&
        cp "$2" $(printf 'd\\200/\\376.moe.lz4') && m=$(printf 'm\\377.h5') &&
        "$0" train "$n" --model "$m" --predictors frequency --json > /dev/null &&
        "$0" train $(printf 'd\\200') --model "$m" --predictors frequency --resume --json > /dev/null &&
        "$0" inspect "$m" > /dev/null && ls && "$0" inspect $(printf 'd\\200/none')
      """.replacingOccurrences(of: "\"$0\"", with: "\"\(Program.path)\""),
      [folder.path, Program.trace])
    #expect(ending.status == 1, "\(ending)")
    #expect(ending.complaint.hasPrefix("moecast: d\\x80/none: cannot open it"), "\(ending)")
    #expect(ending.output.split(separator: "\n").count == 3)
  }
}
