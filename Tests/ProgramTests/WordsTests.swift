import Foundation
import TestSupport
import Testing

/// What the program says when it has worked, and how it ends when it has not.
@Suite struct WordsTests {
  private func ending(_ arguments: [String]) throws -> (status: Int32, output: String, told: String)
  {
    let process = Process()
    process.executableURL = URL(filePath: BuiltProgram.path)
    process.arguments = arguments
    let (output, errors) = (Pipe(), Pipe())
    (process.standardOutput, process.standardError) = (output, errors)
    process.standardInput = FileHandle.nullDevice
    try process.run()
    let printed = output.fileHandleForReading.readDataToEndOfFile()
    let told = errors.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return (
      process.terminationStatus, String(decoding: printed, as: UTF8.self),
      String(decoding: told, as: UTF8.self)
    )
  }

  /// Training says what it wrote and where, and that nothing is kept where it wrote nothing.
  @Test func trainingSaysWhatItWrote() throws {
    let folder = try TemporaryFolder()
    let model = folder.file("m.h5")
    let train = ["train", Program.test, "--predictors", "frequency,layer-markov", "--quiet"]
    let first = try Program.text(train + ["-o", model])
    let size = try folder.bytes(of: "m.h5").count
    let kilobytes = String(format: "%.1f kB", Double(size) / 1000)
    #expect(
      first.hasSuffix("\nwritten: \(model), \(kilobytes), 2 predictors after 7 chunks\n"),
      "\(first.suffix(200))")
    let second = try Program.text(train + ["-o", model])
    #expect(second.contains("\nwritten: \(model), \(kilobytes), 2 predictors after 7 chunks"))
    let nothing = try Program.text(train)
    #expect(nothing.hasSuffix("\nnothing is kept: -o MODEL.h5 keeps what was learnt\n"))
    #expect(try Program.json(train + ["-o", model])["model"].text == model)
    #expect(try Program.json(train)["model"].isNull)
    #expect(try Program.json(["evaluate", "--model", model, Program.test])["model"].isNull)
  }

  /// 2 where the command line is wrong, 1 where the work fails; each says what to do.
  @Test(arguments: [
    (["trian", "t"], 2, "did you mean train?"),
    (["simulate", "swep", "t"], 2, "did you mean sweep?"),
    (["train", Program.test, "--predictors", "mixtur"], 2, "did you mean mixture?"),
    (["compare", Program.test, "--predictors", "nothing"], 2, "there are frequency, "),
    (["simulate", Program.test, "--wafer", "doj"], 2, "did you mean dojo?"),
    (["simulate", Program.test, "--set", "rows=x"], 2, "rows must be"),
    (["simulate", Program.test, "--layers", "40"], 2, "have 12 MoE layers, not 40"),
    (["place", Program.test, "--gpus", "9", "--wafer", "nvlink-8"], 2, "has 8 GPUs, not 9"),
    (
      ["forecast", "--model", Program.model, Program.test, "-o", "f", "--predictors", "x"], 2,
      "is not in"
    ),
    (["train", "missing.moe.lz4"], 1, "missing.moe.lz4"),
    (["simulate", "missing.moe.lz4"], 1, "missing.moe.lz4"),
    (["inspect", "missing.h5"], 1, "missing.h5"),
    (["evaluate", "--model", Program.test, Program.test], 1, "tiny-moe-test"),
  ]) func wrongUseIsTwoAndFailureOne(arguments: [String], status: Int32, told: String) throws {
    let ending = try ending(arguments)
    #expect(ending.status == status, "\(arguments): \(ending.told)")
    #expect(ending.told.contains(told), "\(arguments): \(ending.told)")
    #expect(ending.output.isEmpty)
  }

  /// `compare` names the winner, in words and for programs.
  @Test func compareNamesTheWinner() throws {
    let compare = ["compare", Program.test, "--predictors", "frequency,layer-markov,layer-product"]
    let text = try Program.text(compare)
    #expect(text.contains("\nbest by recall@8: layer-product, 0."))
    #expect(text.contains(" ahead of layer-markov over the same requests\n"))
    #expect(text.contains("\nbest by log loss: layer-markov, "))
    let verdicts = try Program.json(compare)["verdicts"].array
    #expect(verdicts.map { $0["figure"].text } == ["recall@8", "log_loss_bits"])
    #expect(verdicts.map { $0["best"].text } == ["layer-product", "layer-markov"])
    for verdict in verdicts {
      let lead = verdict["lead"]
      #expect(lead["low"].number > 0 && lead["low"].number < lead["value"].number)
      #expect(lead["value"].number < lead["high"].number)
    }
    let decode = try Program.text(compare + ["--stage", "decode"])
    #expect(decode.contains("best by recall@8 of decode: "))
  }

  /// Completions know the subcommands, options, and names.
  @Test(arguments: ["bash", "zsh", "fish"]) func completionsAreMade(shell: String) throws {
    let script = try Program.text(["--generate-completion-script", shell])
    for word in ["train", "simulate", "sweep", "predictors", "mixture-fast", "dojo", "list"] {
      #expect(script.contains(word), "\(shell): \(word)")
    }
    guard shell == "bash" else { return }
    let folder = try TemporaryFolder()
    let file = try folder.write(Array(script.utf8), to: "moecast.bash")
    _ = try run(["/bin/bash", "-n", file])
  }

  /// A man page for the program and each subcommand, with every option.
  @Test(.enabled(if: Python.has("json"), "python3 is not there")) func manPagesAreMade() throws {
    let script = URL(filePath: BuiltProgram.models).deletingLastPathComponent()
      .appending(path: ".ci/man")
    let folder = try TemporaryFolder()
    _ = try Python.run(
      file: script.path(), [BuiltProgram.path, folder.file("man1")])
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.file("man1"))
    #expect(names.contains("moecast.1") && names.contains("moecast-simulate-sweep.1"))
    #expect(names.count == 1 + 15 + 9, "\(names.sorted())")
    let page = try String(
      contentsOfFile: folder.file("man1") + "/moecast-train.1", encoding: .utf8)
    #expect(
      page.hasPrefix(".TH \"MOECAST\\-TRAIN\" 1") || page.hasPrefix(".TH \"MOECAST-TRAIN\" 1"))
    for part in [
      ".SH NAME", ".SH SYNOPSIS", ".SH \"OPTIONS\"", "\\-\\-predictors", "moecast train",
    ] {
      #expect(page.contains(part), "\(part)")
    }
  }
}
