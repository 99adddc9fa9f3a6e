import ArgumentParser
import FoundationEssentials
import ModelFile
import RoutingTrace
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

  @Test func everyStrategyRunsOnAModelsHeatmap() throws {
    let model = folder.file("m.h5")
    try moecastRun("train", trace, "--model", model, "--predictor", "token-markov", "--json")
    try moecastRun(
      "simulate", trace, "--model", model, "--strategy", "base,ep,allo,pred,allo+pred,staged",
      "--forecast", "none,frequency,heatmap,mixture,oracle,shuffled", "--batch", "20", "--json")
    try moecastRun("simulate", trace, "--engine", "event", "--batch", "20", "--wafer", "pcie-1")
    try moecastRun(
      "simulate", trace, "--strategy", "ep,staged", "--batching", "continuous", "--seed", "4",
      "--batch", "20")
    try moecastRun(
      "simulate", trace, "--engine", "event", "--strategy", "staged", "--batch", "20",
      "--forecast", "none,mixture", "--horizon", "2")
    try moecastRun(
      "simulate", trace, "--stage", "prefill", "--prefill-chunk", "2", "--strategy", "ep,staged",
      "--batch", "8")
    try moecastRun("simulate", trace, "--expert-cache", "5,25", "--stage", "all")
    try moecastRun("simulate", trace, "--demand", "--batch", "4,16", "--steps", "5")
    try moecastRun(
      "simulate", trace, "--demand", "--batch", "8", "--stage", "prefill", "--prefill-chunk", "2",
      "--forecast", "persistence,oracle,shuffled", "--json")
    try moecastRun(
      "simulate", trace, "--sweep", "--shape", "tiny-moe,mixtral-8x7b", "--wafer", "pcie-1",
      "--batch", "4", "--steps", "2", "--csv")
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
    let error = #expect(throws: TraceError.self) {
      try moecastRun("simulate", trace, "--model", model, "--strategy", "pred")
    }
    #expect(error?.description.contains("--predictor token-markov") == true)
  }

  @Test(arguments: [
    ["--strategy", "fast"], ["--batch", "0"], ["--steps", "0"], ["--shape", "gpt-9"],
    ["--engine", "magic"], ["--expert-cache", "0"], ["--forecast", "luck"], ["--stage", "lunch"],
    ["--batching", "none"], ["--batching", "continuous", "--sweep"],
    ["--prefill-chunk", "8"], ["--prefill-chunk", "0", "--stage", "prefill"],
    ["--prefill-chunk", "8", "--stage", "prefill", "--forecast", "mixture"],
    ["--prefill-chunk", "8", "--stage", "prefill", "--expert-cache", "5"],
    ["--demand", "--steps", "1"], ["--demand", "--sweep"], ["--demand", "--expert-cache", "5"],
    ["--demand", "--prefill-chunk", "8", "--stage", "prefill"],
    ["--sweep", "--shape", "tiny-moe,gpt-9"], ["--shape", "tiny-moe,mixtral-8x7b"],
  ]) func wrongUseIsRefused(arguments: [String]) {
    #expect(throws: (any Error).self) {
      _ = try Moecast.parseAsRoot(["simulate", "t.moe.lz4"] + arguments)
    }
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
