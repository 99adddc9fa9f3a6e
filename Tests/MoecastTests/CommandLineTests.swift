import ArgumentParser
import Forecast
import RoutingTrace
import TestSupport
import Testing
import Wafer

@testable import moecast

/// One set of words, wrong use, refusals, units and suggestions.
@Suite struct CommandLineTests {
  /// The words of today, and those that scripts have.
  @Test(arguments: [
    ["train", "t", "--predictors", "frequency", "--output", "m.h5", "--resume"],
    ["train", "t", "--predictor", "frequency", "-o", "m.h5", "--resume"],
    ["train", "t", "--predictor", "frequency", "--model", "m.h5", "--resume"],
    ["compare", "t", "--predictor", "frequency"], ["compare", "t", "--predictors", "frequency"],
    ["forecast", "t", "--model", "m.h5", "--predictors", "frequency", "--output", "f.csv"],
    ["forecast", "t", "--model", "m.h5", "--predictor", "frequency", "-o", "f.csv"],
    ["import", "t", "-o", "o.moe.lz4", "--model", "mine"],
    ["import", "t", "-o", "o.moe.lz4", "--model-name", "mine"],
    ["export", "--model", "m.h5", "--output", "t.npz"],
    ["merge", "a.h5", "b.h5", "--output", "c.h5"],
    ["sample", "--model", "m.h5", "--requests", "1", "--output", "s.moe.lz4"],
    ["place", "t", "--output", "p.json", "--algorithm", "eplb"],
    ["report", "t", "--output", "page.html"], ["report", "t", "-o", "page.html"],
  ]) func wordsAreTheSame(arguments: [String]) throws {
    _ = try Moecast.parseAsRoot(arguments)
  }

  /// Pages name the words of today first.
  @Test func helpNamesTheWordsOfToday() throws {
    #expect(try helpPage(["train", "--help"]).contains("--predictors, --predictor <names>"))
    #expect(try helpPage(["train", "--help"]).contains("-o, --output, --model <file>"))
    #expect(try helpPage(["train", "--help"]).contains("Predictors: frequency, layer-markov"))
  }

  @Test(arguments: [
    // Words that nothing is called.
    ("train t --predictors mixtur", "did you mean mixture?"),
    ("train t --predictors ,", "--predictors is empty"),
    ("train t --predictors frequency,frequency", "--predictors names 'frequency' twice"),
    ("compare t --predictors frequency,layer-markof", "did you mean layer-markov?"),
    ("compare t --predictors mixture:h9", "what may stand behind a colon"),
    ("simulate t --shape tiny-mo", "did you mean tiny-moe?"),
    ("simulate t --strategy stagd", "did you mean staged?"),
    ("simulate t --strategy staged --forecast orcale", "did you mean oracle?"),
    ("import t -o o --shape kimi-k3", "did you mean kimi-k2?"),
    ("import t -o o --format vlm-json", "did you mean vllm-json?"),
    // What would do nothing.
    ("compare t --json --stage all", "--stage would do nothing: --json has every stage"),
    ("train t --json --per-layer", "--per-layer would do nothing: --json has every stage"),
    ("evaluate t --model m --json --stage all", "--stage would do nothing"),
    ("compare t --seed 3 --resamples 0", "--seed would do nothing: nothing is drawn"),
    ("compare t --resume c.h5 --shuffled", "--resume would do nothing: a shuffled control"),
    ("simulate t --horizon 2", "--horizon would do nothing: it is for the strategy staged"),
    (
      "simulate t --strategy staged --forecast mixture --horizon 5",
      "--horizon 5 would do nothing: mixture looks 4 layers ahead"
    ),
    (
      "simulate t --strategy staged --forecast none --horizon 1",
      "--horizon 1 would do nothing: none looks 0 layers ahead"
    ),
    ("simulate sweep t --forecast mixture --horizon 5", "--horizon 5 would do nothing"),
    (
      "simulate sweep t --activations unicast --horizon 2",
      "--horizon would do nothing: with --activations nothing is staged"
    ),
    ("simulate sweep t --activations unicast --forecast oracle", "--forecast would do nothing"),
    ("train t --resume", "need --output"),
    // Units of another kind.
    ("simulate t --engine event --chunk-bytes 4Mb", "write a number, which is in bytes, or 4MB"),
    ("simulate t --strategy staged --gap-seconds 5MB", "which is in seconds, or 500ns"),
  ]) func wrongUseSaysWhatToDo(line: String, message: String) {
    expectWrongUse(line.split(separator: " ").map(String.init), message)
  }

  /// A horizon that one of the forecasts reaches does something.
  @Test func aHorizonThatIsReachedIsTaken() throws {
    for forecast in ["mixture,heatmap", "heatmap", "oracle", "blend"] {
      _ = try Moecast.parseAsRoot(
        ["simulate", "t", "--strategy", "staged", "--forecast", forecast, "--horizon", "5"])
    }
  }

  @Test(arguments: [
    (["trian", "t"], "'trian' is no subcommand; did you mean train?"),
    (["evalute"], "'evalute' is no subcommand; did you mean evaluate?"),
    (["xyzzy"], "'xyzzy' is no subcommand; there are import, inspect, train,"),
    (["simulate", "swep", "t"], "no file is called so; did you mean sweep?"),
    (["simulate", "ofload"], "did you mean offload?"),
  ]) func mistypedSubcommandsAreMeant(arguments: [String], message: String) {
    #expect(Moecast.unknownCommand(arguments)?.contains(message) == true)
  }

  @Test(arguments: [
    [], ["train", "t"], ["--help"], ["help", "train"], ["simulate"], ["simulate", "sweep"],
    ["simulate", "--wafer", "dojo"], ["simulate", "trace.moe.lz4"], ["list"],
  ]) func subcommandsAreKnown(arguments: [String]) {
    #expect(Moecast.unknownCommand(arguments) == nil)
  }

  /// A file that is called nearly as a study is a trace.
  @Test func aFileIsNoMistypedStudy() throws {
    let folder = try TemporaryFolder()
    let file = try folder.write([1], to: "swep")
    #expect(Moecast.unknownCommand(["simulate", file]) == nil)
  }

  /// Units in options and overrides are the numbers that they stand for.
  @Test func sizesAndRatesHaveUnits() throws {
    let folder = try TemporaryFolder()
    let trace = try folder.randomTrace("tiny-moe")
    let simulate = ["simulate", trace, "--strategy", "base", "--batch", "8", "--csv"]
    func printed(_ options: String...) throws -> String {
      let file = folder.file("map.csv")
      try moecastRun(simulate + options + ["--load-map", file, "--force"])
      return String(decoding: try folder.bytes(of: "map.csv"), as: UTF8.self)
    }
    let plain = try printed(
      "--engine", "event", "--chunk-bytes", "2000000", "--set",
      "hbm_bandwidth_bytes_per_second=1.5e12", "--set", "link_latency_seconds=3e-7")
    let named = try printed(
      "--engine", "event", "--chunk-bytes", "2MB", "--set", "hbm_bandwidth=1.5TB/s", "--set",
      "link_latency=300ns")
    #expect(plain == named && plain.split(separator: "\n").count > 20)
    #expect(plain != (try printed("--engine", "event", "--chunk-bytes", "2MB")))
  }

  /// What `--set` cannot be is wrong use; what a file leaves out is said, or refused.
  @Test func overridesAndFilesAreChecked() throws {
    let folder = try TemporaryFolder()
    let trace = try folder.randomTrace("tiny-moe")
    for (override, message) in [
      ("hbm_bandwith=3TB/s", "did you mean"), ("hbm_bandwidth=3e12", "says no unit"),
      ("hbm_bandwidth=3TB", "with a unit such as 3.35TB/s"), ("rows=0", "rows must be"),
    ] {
      let error = #expect(throws: ValidationError.self) {
        try moecastRun("simulate", trace, "--batch", "4", "--set", override)
      }
      #expect(error?.message.contains(message) == true, "\(override): \(error?.message ?? "")")
    }
    let near = #expect(throws: ValidationError.self) {
      try moecastRun("simulate", trace, "--wafer", "doj")
    }
    #expect(near?.message.contains("did you mean dojo?") == true)
    // A whole file but for what may be guessed.
    let wafer = try folder.write(
      Array(
        """
        {"columns": 2, "rows": 2, "topology": "mesh", "compute_flops_per_second": "1PFLOP/s",
        "hbm_bandwidth_bytes_per_second": "3TB/s", "hbm_capacity_bytes": "80GB",
        "link_bandwidth_bytes_per_second": "400Gbit/s"}
        """.utf8), to: "mine.json")
    #expect(try SystemDescription(named: wafer).hardware.linkBandwidth == 50e9)
    let simulate = ["simulate", trace, "--batch", "4", "--wafer", wafer]
    try moecastRun(simulate)
    let error = #expect(throws: IncompleteSystem.self) { try moecastRun(simulate + ["--strict"]) }
    #expect(
      error?.description.contains("hbm_latency_seconds=") == true
        && error?.description.contains("leave --strict out") == true)
    try moecastRun(["simulate", trace, "--batch", "4", "--wafer", "dojo", "--strict"])
  }

  /// Every name is listed, and says what it is.
  @Test(arguments: ListCommand.Kind.allCases) func listsAreWhole(kind: ListCommand.Kind) throws {
    let entries = try ListCommand.entries(of: kind)
    #expect(!entries.isEmpty)
    for entry in entries where kind != .shapes {
      #expect(entry.summary?.isEmpty == false, "\(entry.name)")
    }
    let known: [String] =
      switch kind {
      case .predictors: PredictorCatalog.standard.names
      case .systems: Hardware.shippedNames
      case .shapes: ModelShape.known.map(\.name) + ModelShape.sameShapes.keys.sorted()
      default: entries.map(\.name)
      }
    #expect(entries.map(\.name) == known)
    try moecastRun("list", kind.rawValue)
    try moecastRun("list", kind.rawValue, "--json")
  }

  @Test func mistypedKindsAreRefused() {
    expectWrongUse(["list", "wafers"], "'wafers' is invalid for '<what>'")
  }
}
