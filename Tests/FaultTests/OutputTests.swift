import Foundation
import TestSupport
import Testing

/// What is printed arrives, or the program says that it did not; a reader that goes away ends the
/// printing, not the work.
@Suite(.serialized) struct OutputTests {
  let folder: TemporaryFolder
  static let test = Program.models + "/tiny-moe-test.moe.lz4"
  static let model = Program.models + "/tiny-moe.h5"

  init() throws { folder = try TemporaryFolder() }

  /// Every kind of output that goes to standard output.
  private func commands() -> [[String]] {
    let (test, model) = (Self.test, Self.model)
    let frequency = ["--predictors", "frequency"]
    let quick = frequency + ["--stage", "all"]
    let simulate = ["simulate", "--batch", "64", "--heatmap", model, test]
    return [
      ["--help"], ["--version"], ["train", "--help"], ["inspect", test],
      ["inspect", "--json", test], ["inspect", model], ["inspect", "--json", model],
      ["train", test] + quick, ["train", test, "--json"] + frequency,
      ["train", test, "--quiet", "--per-layer"] + quick,
      ["evaluate", "--model", model, "--frozen", test],
      ["evaluate", "--model", model, "--frozen", "--json", test],
      ["compare", "--predictors", "frequency", test],
      ["compare", "--predictors", "frequency", "--json", test],
      ["analyze", test], ["analyze", "--json", test], ["analyze", test, "--partial", "-"],
      ["report", test, "--sections", "observations", "-o", "-"],
      ["report", test, "--sections", "observations", "--json"],
      ["export", "--model", model, "--to", "npz", "-o", "-"],
      ["export", "--model", model, "--to", "json", "-o", "-"],
      ["export", "--to", "csv", "-o", "-", test],
      ["sample", "--model", model, "--requests", "1", "-o", "-"],
      ["sample", "--model", model, "--requests", "1", "-o", folder.file("drawn.moe.lz4")],
      simulate, simulate + ["--json"],
      ["simulate", "demand", "--batch", "64", "--steps", "2", test],
      ["simulate", "sweep", "--csv", "--shape", "tiny-moe", "--batch", "64", "--steps", "2"]
        + ["--wafer", "dojo", test],
    ]
  }

  @Test func lostOutputIsAnError() throws {
    let tally = Tally("standard output full or closed")
    for command in commands() {
      for (redirection, reason) in [
        ("> /dev/full", "No space left on device"), (">&-", "Bad file descriptor"),
      ] {
        let ending = try Program.shell("\"$@\" \(redirection)", command)
        let isTold =
          ending.status == 1 && ending.complaint.contains("standard output: cannot be written")
          && ending.complaint.contains(reason)
        tally.add(lost: false, silent: !isTold, "\(command) \(redirection): \(ending)")
      }
    }
    tally.tell("exit code 1 and a line on standard error")
  }

  @Test func aClosedPipeEndsQuietly() throws {
    let tally = Tally("the reader of standard output has gone")
    for command in commands() {
      let ending = try Program.shell("\"$@\" | true; exit ${PIPESTATUS[0]}", command)
      tally.add(lost: false, silent: ending.status != 0, "\(command): \(ending)")
    }
    tally.tell("exit code 0")
  }

  /// A viewer that quits takes no model with it, and a full disk behind the table takes none
  /// either.
  @Test(arguments: [("| head -1", 0), ("> /dev/full", 1), (">&-", 1)])
  func trainingOutlivesItsPrinting(redirection: String, status: Int32) throws {
    var training = try Training()
    training.options = ["--predictors", "frequency,layer-markov"]
    let ending = try Program.shell(
      "\"$@\" \(redirection); exit ${PIPESTATUS[0]}", training.arguments())
    #expect(ending.status == status, "\(ending)")
    #expect(try training.folder.bytes(of: "M.h5") == Training.undisturbed())
    #expect(try training.litter() == [])
  }

  /// `ulimit -f` is an error like a full disk, not the end of the process.
  @Test func aLimitOnFileSizes() throws {
    let tally = Tally("a limit on file sizes of 1 to 100 kB")
    for kilobytes in [1, 10, 50, 100] {
      let training = try Training()
      let commands = [
        training.arguments(),
        [
          "sample", "--model", Self.model, "--requests", "300", "-o",
          training.folder.file("drawn.moe.lz4"),
        ],
        ["export", "--model", Self.model, "--to", "npz", "-o", training.folder.file("x.npz")],
        ["inspect", Program.trace, "--repair", training.folder.file("repaired.moe.lz4")],
      ]
      for command in commands {
        let ending = try Program.shell("ulimit -f \(kilobytes); \"$@\"", command)
        let isTold =
          ending.status == 1 && ending.complaint.contains("File too large")
          && ending.complaint.contains("ulimit -f")
        try tally.add(
          lost: !training.isWhole(), silent: !isTold || training.litter() != [],
          "\(command) \(kilobytes): \(ending)")
      }
    }
    tally.tell("exit code 1, no temporary file")
  }

  /// Names that would move the cursor or forge a line are shown, not obeyed.
  @Test(.enabled(if: Python.has("lz4.frame", "numpy"), "python3 with lz4 and numpy is absent"))
  func textOfOthersIsText() throws {
    let tally = Tally("control characters in names of models, tasks, provenance, files, hardware")
    let evil = "a\u{1B}[31mb\rc\u{7}d\u{202E}e\nintact      yes"
    let trace = folder.file("\u{1B}[2J\nname.moe.lz4")
    _ = try Python.run(
      """
      import sys, lz4.frame, struct, json
      evil = sys.argv[3]
      with lz4.frame.open(sys.argv[1]) as f: payload = f.read()
      experts, k, layers, n = struct.unpack("<12xIHHI", payload[:24])
      end = 24 + 2 * layers
      header = json.loads(payload[end:end + n])
      def spoil(x):
          if isinstance(x, str): return evil
          if isinstance(x, dict): return {key: spoil(value) for key, value in x.items()}
          return x
      text = json.dumps(spoil(header), ensure_ascii=False).encode()
      head = payload[:20] + struct.pack("<I", len(text)) + payload[24:end] + text
      with open(sys.argv[2], "wb") as out:
          for part in (head, payload[end + n:]):
              out.write(lz4.frame.compress(part, content_checksum=True, block_linked=False,
                                           block_size=lz4.frame.BLOCKSIZE_MAX256KB))
      """, Self.test, trace, evil)
    let hardware = try folder.write(
      Array("{\"name\": \"x\u{1B}[1m\"}".utf8), to: "evil\u{1B}.json")
    let commands: [[String]] = [
      ["inspect", trace], ["analyze", trace], ["train", trace, "--predictors", "frequency"],
      ["train", trace, "--model", folder.file("M.h5"), "--predictors", "frequency,layer-markov"],
      ["inspect", folder.file("M.h5")], ["compare", trace, "--predictors", "frequency"],
      ["simulate", "--batch", "64", trace], ["train", folder.file("\u{1B}missing")],
      ["sample", "--model", folder.file("M.h5"), "--requests", "1", "-o", folder.file("s")],
      ["simulate", "--wafer", hardware, "--shape", "tiny-moe", "--batch", "64", Self.test],
      ["import", "--shape", "tiny-moe", "-o", folder.file("o"), trace], [evil],
      ["train", Self.test, "--predictors", evil], ["export", "--model", hardware, "-o", evil],
    ]
    for command in commands {
      let ending = try Program.run(command)
      let printed = ending.output + ending.complaint
      let isShown = printed.unicodeScalars.allSatisfy {
        $0 == "\n" || ($0.value >= 0x20 && $0.value != 0x7F && $0.value != 0x202E)
      }
      let isForged = printed.split(separator: "\n").contains {
        $0.hasPrefix("intact      yes") && command[0] != "inspect"
      }
      tally.add(lost: false, silent: !isShown || isForged, "\(command): \(ending)")
    }
    let lines = try Program.run("inspect", trace).output.split(separator: "\n")
    #expect(lines.count { $0.hasPrefix("intact") } == 1)
    tally.tell("made visible as \\uXXXX")
  }
}
