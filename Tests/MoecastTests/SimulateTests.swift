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
    let shape = try #require(ModelShape.named("tiny-moe")).traceShape()
    var random = SplitMix64(seed: 3)
    let requests = (0..<5).map { _ in
      RequestTrace.random(shape: shape, prefill: 3, decode: 6, using: &random)
    }
    trace = try folder.write(
      try traceBytes(of: requests, shape: shape, chunkTokens: 20, finishing: true),
      to: "tiny.moe.lz4")
  }

  /// The keys that other programs rely on.
  @Test func keysAreStable() throws {
    let model = try #require(ModelShape.named("tiny-moe"))
    var pool = RequestPool(shape: try model.traceShape())
    pool.add((0..<12).flatMap { _ in (0..<8).map { UInt16($0) } })
    let simulation = Simulation(
      hardware: Hardware(), model: model, batch: 4, steps: 1, strategy: .base)
    let line = SimulationLine(
      simulation.fabric, model, batch: 4, strategy: "base", engine: "bound",
      try simulation.run(pool, transitions: nil))
    let text = try json([line])
    for key in [
      "wafer", "shape", "batch", "strategy", "engine", "mean_layer_seconds", "tokens_per_second",
      "hops", "request_hops", "local_reads", "remote_reads", "copies",
    ] { #expect(text.contains("\"\(key)\" :"), "\(key)") }
    #expect(!text.contains("staging"))
  }

  @Test func keysOfDemandsAreStable() throws {
    let model = try #require(ModelShape.named("tiny-moe"))
    var pool = RequestPool(shape: try model.traceShape())
    pool.add((0..<24).flatMap { _ in (0..<8).map { UInt16($0) } })
    let study = DemandStudy(pool, schedule: BatchSchedule(pool, size: 4, steps: 2))
    var table = DemandTable()
    for question in DemandQuestion.all(of: .persistence) {
      table.add(
        question, batch: 4, distinctTokens: study.distinctTokens,
        try study.run([question], ForecastSources())[0])
    }
    let text = try json(table.lines)
    for key in [
      "batch", "distinct_tokens", "forecast", "layers_ahead", "load_error", "load_error_if_right",
      "need_threshold", "precision", "recall", "f1", "f1_if_right", "brier", "brier_if_right",
      "calibration_error", "calibration", "count", "share",
    ] { #expect(text.contains("\"\(key)\" :"), "\(key)") }
    let words = table.table.split(separator: "\n")[1].split(separator: " ")
    #expect(words.prefix(7) == ["persistence", "next", "step", "4", "2", "0.0", "(0.0)"])
  }

  @Test func aModelWithoutHeatmapIsNamed() throws {
    let model = folder.file("f.h5")
    try moecastRun("train", trace, "--model", model, "--predictor", "frequency", "--json")
    let error = #expect(throws: ModelError.self) {
      try moecastRun("simulate", trace, "--model", model, "--strategy", "pred")
    }
    #expect(error?.description.contains("--predictor token-markov") == true)
  }

  @Test(arguments: [
    ("--strategy fast", "--strategy 'fast' is none of base, ep,"),
    ("--batch 0", "--batch '0' is none of whole numbers from 1"),
    ("--steps 0", "--steps must be above --warm-steps"),
    ("--shape gpt-9", "--shape 'gpt-9' is unknown; known are"),
    ("--engine magic", "--engine is bound or event, not 'magic'"),
    ("--expert-cache 0", "--expert-cache '0' is none of numbers above 0"),
    ("--forecast luck", "--forecast 'luck' is none of"),
    ("--stage lunch", "--stage is decode, prefill or all, not 'lunch'"),
    ("--batching none", "The value 'none' is invalid for '--batching"),
    ("--batching continuous --sweep", "are for single configurations, not for --sweep"),
    ("--prefill-chunk 8", "--prefill-chunk is at least 1, goes with --stage prefill"),
    ("--prefill-chunk 0 --stage prefill", "--prefill-chunk is at least 1, goes with"),
    (
      "--prefill-chunk 8 --stage prefill --forecast mixture",
      "--forecast mixture follows requests token by"
    ),
    (
      "--prefill-chunk 8 --stage prefill --expert-cache 5", "are for single configurations, not for"
    ),
    ("--demand --steps 1", "--demand holds every step against the one before"),
    ("--demand --sweep", "give one of --sweep, --expert-cache and --demand"),
    ("--demand --expert-cache 5", "give one of --sweep, --expert-cache and --demand"),
    ("--demand --prefill-chunk 8 --stage prefill", "--forecast mixture follows requests token by"),
    ("--sweep --shape tiny-moe,gpt-9", "--shape 'gpt-9' is unknown; known are"),
    ("--shape tiny-moe,mixtral-8x7b", "--shape 'tiny-moe,mixtral-8x7b' is unknown"),
  ]) func wrongUseIsRefused(options: String, message: String) {
    let arguments = options.split(separator: " ").map(String.init)
    expectWrongUse(["simulate", "t.moe.lz4"] + arguments, message)
  }

  @Test func anotherShapeAndAnUnknownWaferAreNamed() throws {
    let shape = #expect(throws: SimulationError.self) {
      try moecastRun("simulate", trace, "--shape", "mixtral-8x7b")
    }
    #expect(shape?.description.contains("top-8 of 64") == true)
    let wafer = #expect(throws: HardwareError.self) {
      try moecastRun("simulate", trace, "--wafer", "cerebras")
    }
    #expect(wafer?.description.contains("shipped are dojo") == true)
  }
}
