import ArgumentParser
import Demand
import FoundationEssentials
import ModelFile
import RoutingTrace
import Staging
import TestSupport
import Testing
import Wafer

@testable import moecast

@Suite struct SimulateTests {
  private let folder: TemporaryFolder
  private let trace: String

  init() throws {
    folder = try TemporaryFolder()
    trace = try folder.randomTrace("tiny-moe")
  }

  @Test func aModelWithoutHeatmapIsNamed() throws {
    let model = folder.file("f.h5")
    try moecastRun("train", trace, "--model", model, "--predictors", "frequency", "--json")
    let error = #expect(throws: ModelError.self) {
      try moecastRun("simulate", trace, "--heatmap", model, "--strategy", "pred")
    }
    #expect(error?.description.contains("--predictors token-markov") == true)
  }

  @Test(arguments: [
    ("--strategy fast", "--strategy 'fast' is none of base, ep,"),
    ("--batch 0", "--batch '0' is none of whole numbers from 1"),
    ("--steps 0", "--steps must be above --warm-steps"),
    ("--shape gpt-9", "--shape 'gpt-9' is unknown; known are"),
    ("--shape tiny-moe,mixtral-8x7b", "--shape 'tiny-moe,mixtral-8x7b' is unknown"),
    ("--engine magic", "The value 'magic' is invalid for '--engine"),
    ("--strategy staged --forecast luck", "--forecast 'luck' is none of"),
    ("--stage lunch", "--stage is decode, prefill or all, not 'lunch'"),
    ("--batching none", "The value 'none' is invalid for '--batching"),
    ("--prefill-chunk 8", "--prefill-chunk is at least 1, goes with --stage prefill"),
    ("--prefill-chunk 0 --stage prefill", "--prefill-chunk is at least 1, goes with"),
    (
      "--prefill-chunk 8 --stage prefill --strategy staged --forecast mixture",
      "--forecast mixture follows requests token by"
    ),
    ("--json --csv", "give one of --json and --csv"),
    // Options that the run would not heed.
    ("--forecast heatmap", "--forecast would do nothing: it is for the strategy staged"),
    ("--horizon 1", "--horizon would do nothing"),
    ("--eviction lru", "--eviction would do nothing"),
    ("--buffer-bytes 1", "--buffer-bytes would do nothing"),
    ("--copy-bytes 1", "--copy-bytes would do nothing"),
    ("--bandwidth-share 1", "--bandwidth-share would do nothing"),
    ("--no-hold-back", "--no-hold-back would do nothing"),
    ("--strategy base,ep --heatmap online", "--heatmap would do nothing: neither"),
    ("--strategy pred --heatmap luck", "--heatmap 'luck' is none of online"),
    ("--strategy pred --stage all --heatmap prefill", "--heatmap prefill would be of the tokens"),
    (
      "--strategy pred --model m.h5", "--model would do nothing: no forecast is made from a mixture"
    ),
    ("--strategy staged --forecast mixture --learn", "--learn would do nothing: it is for --model"),
    ("--chunk-bytes 1e6", "--chunk-bytes would do nothing: it is for --engine event"),
    ("--window-bytes 1e6", "--window-bytes would do nothing"),
    ("--order plan", "--order would do nothing"), ("--no-llc", "--no-llc would do nothing"),
    ("--reads-alone", "--reads-alone would do nothing: it is for --engine event"),
    ("--timeline-layer 1", "--timeline-layer would do nothing: it is for --timeline"),
    ("--force", "--force would do nothing: no file is written"),
    ("--load-map m.png --strategy ep", "--load-map is a file *.svg or *.csv"),
    ("--load-map m.svg", "are of one configuration, not 5"),
    ("--timeline t.json --strategy ep", "the bound engine knows no order in a layer"),
    (
      "--timeline t.json --strategy staged --engine event",
      "it shows the paper's strategies, not staged layers"
    ),
    ("--activations unicast --engine event", "--activations would do nothing: the event engine"),
    ("--activations unicast --strategy staged", "--activations would do nothing"),
    ("--dispatch-bytes 1", "--dispatch-bytes would do nothing"),
    ("--activations unicast --combine-bytes 65", "are from 0 to 64"),
    ("--context 5", "--context would do nothing: it is for --gap model"),
    ("--engine event --share-reads", "--share-reads would do nothing: it is for --engine bound"),
    ("--batching replay --seed 1", "--seed would do nothing: --batching replay draws nothing"),
  ]) func wrongUseIsRefused(options: String, message: String) {
    let arguments = options.split(separator: " ").map(String.init)
    expectWrongUse(["simulate", "t.moe.lz4"] + arguments, message)
    expectWrongUse(["simulate", "strategies", "t.moe.lz4"] + arguments, message)
  }

  @Test(arguments: [
    ("sweep --shape tiny-moe,gpt-9", "--shape 'gpt-9' is unknown; known are"),
    ("sweep --batch 0", "--batch '0' is none of whole numbers from 1"),
    ("sweep --steps 4 --warm-steps 4", "--steps must be above --warm-steps"),
    ("sweep --forecast luck", "--forecast 'luck' is none of"),
    ("sweep --host-round-trip-seconds=-1", "--host-round-trip-seconds is at least 0"),
    ("sweep --bandwidth-share 2", "--bandwidth-share is from 0 to 1"),
    ("sweep --copy-entries=-1", "--top-n and --copy-entries at least 0"),
    ("sweep --paper Q", "'Q' is invalid for '--paper"),
    ("paper --paper P,Q", "--paper 'Q' is none of default, P, N"),
    ("paper --force", "--force would do nothing: no file is written"),
    ("demand --steps 1", "demand holds every step against the one before"),
    ("demand --prefill-chunk 8 --stage prefill", "--forecast mixture follows requests token by"),
    ("demand --forecast frequency --model m.h5", "--model would do nothing: no forecast is made"),
    ("demand --forecast frequency --heatmap online", "--heatmap would do nothing"),
    ("demand --batching replay --seed 1", "--seed would do nothing"),
    ("cache --batch 0", "--batch '0' is none of whole numbers"),
    ("cache --capacity 0", "--capacity '0' is none of numbers above 0"),
    ("cache --capacity 101", "--capacity '101' is none of numbers above 0"),
    ("cache --horizon=-1", "--horizon is from 0 to 4"),
    ("cache --horizon 5", "--horizon is from 0 to 4"),
    ("cache --stage lunch", "--stage is decode, prefill or all, not 'lunch'"),
    ("cache --json --csv", "give one of --json and --csv"),
  ]) func wrongUseOfAStudyIsRefused(options: String, message: String) {
    let arguments = options.split(separator: " ").map(String.init)
    expectWrongUse(["simulate"] + arguments + ["t.moe.lz4"], message)
  }

  /// An option of one command is unknown to the others.
  @Test(arguments: [
    ("strategies", "--capacity 5"), ("strategies", "--host-round-trip-seconds 1"),
    ("sweep", "--strategy base"), ("sweep", "--engine event"), ("sweep", "--layers 3"),
    ("sweep", "--batching continuous"), ("sweep", "--prefill-chunk 8"), ("sweep", "--model m.h5"),
    ("sweep", "--capacity 5"), ("paper", "--wafer dojo"), ("demand", "--wafer dojo"),
    ("demand", "--shape tiny-moe"),
    ("demand", "--strategy base"), ("demand", "--horizon 1"), ("demand", "--engine event"),
    ("demand", "--capacity 5"), ("cache", "--wafer dojo"), ("cache", "--shape tiny-moe"),
    ("cache", "--steps 2"), ("cache", "--model m.h5"), ("cache", "--batching continuous"),
    ("cache", "--forecast mixture"), ("cache", "--eviction lru"),
  ]) func optionsOfOthersAreUnknown(command: String, options: String) {
    let words = options.split(separator: " ").map(String.init)
    expectWrongUse(["simulate", command, "t.moe.lz4"] + words, "Unknown option '\(words[0])'")
  }

  /// Without the name of a command the strategies are meant, whatever the traces are called; only a
  /// first word that names a command is one.
  @Test(arguments: [
    ("t.moe.lz4", ["t.moe.lz4"]), ("--wafer dojo t.moe.lz4", ["t.moe.lz4"]),
    ("strategies t.moe.lz4", ["t.moe.lz4"]), ("./sweep", ["./sweep"]), ("-- sweep", ["sweep"]),
    ("--wafer dojo sweep", ["sweep"]),
    ("t.moe.lz4 sweep demand", ["t.moe.lz4", "sweep", "demand"]),
    ("strategies strategies", ["strategies"]), ("--wafer sweep cache", ["cache"]),
    ("-", ["-"]), ("help", ["help"]),
  ]) func theDefaultCommand(arguments: String, traces: [String]) throws {
    let words = arguments.split(separator: " ").map(String.init)
    let command = try Moecast.parseAsRoot(["simulate"] + words)
    #expect(try #require(command as? SimulateStrategies).tokens.traces == traces)
  }

  @Test func commandsAreChosenByTheirNames() throws {
    #expect(try Moecast.parseAsRoot(["simulate", "sweep", "sweep"]) is SimulateSweep)
    #expect(try Moecast.parseAsRoot(["simulate", "demand", "demand"]) is SimulateDemand)
    #expect(try Moecast.parseAsRoot(["simulate", "cache", "cache"]) is SimulateCache)
    expectWrongUse(["simulate"], "Missing expected argument '<trace> ...'")
    expectWrongUse(["simulate", "sweep"], "Missing expected argument '<trace> ...'")
  }

  /// Every command has a page of its own, with an example before anything else.
  @Test(arguments: [
    ("--help", "Examples:", "SUBCOMMANDS:"), ("--wafer dojo --help", "Example:", "--strategy"),
    ("strategies --help", "Example:", "--strategy"), ("t.moe.lz4 --help", "Example:", "--strategy"),
    ("sweep --help", "Example:", "--host-round-trip-seconds"),
    ("demand --help", "Example:", "--forecast"), ("cache --help", "Example:", "--capacity"),
  ]) func pagesOfHelp(arguments: String, example: String, own: String) throws {
    let help = try helpPage(["simulate"] + arguments.split(separator: " ").map(String.init))
    #expect(help.split(separator: "\n").dropFirst().first == Substring(example), "\(help)")
    #expect(help.contains(own))
  }

  @Test func whereTheOptionsWent() {
    #expect(
      Simulate.remedy(["simulate", "t", "--sweep"])?.contains("moecast simulate sweep") == true)
    #expect(
      Simulate.remedy(["simulate", "--demand", "t"])?.contains("moecast simulate demand") == true)
    for word in ["--expert-cache", "--expert-cache=5"] {
      let remedy = Simulate.remedy(["simulate", "t", word, "5"])
      #expect(remedy == "--expert-cache is a command now: moecast simulate cache --capacity ...")
    }
    #expect(Simulate.remedy(["simulate", "--fast", "sweep"]) == nil)
    #expect(Simulate.remedy(["train", "--sweep"]) == nil)
  }

  @Test func anotherShapeAndAnUnknownWaferAreNamed() throws {
    let shape = #expect(throws: SimulationError.self) {
      try moecastRun("simulate", trace, "--shape", "mixtral-8x7b")
    }
    #expect(shape?.description.contains("top-8 of 64") == true)
    let wafer = #expect(throws: ValidationError.self) {
      try moecastRun("simulate", trace, "--wafer", "cerebras")
    }
    #expect(wafer?.message.contains("shipped systems are dojo") == true)
  }
}
