import Demand
import Export
import Prequential
import RoutingTrace
import TestSupport
import Testing

/// Forecasts written in every format and read back.
struct ForecastFormatsTests {
  private static let told = [
    RankedForecast(
      request: 7, position: 3, stage: .decode, layer: 1, horizon: 2, experts: [3, 0, 11],
      chances: [0.5, 0.25, 0.1], chosen: [11, 3]),
    RankedForecast(
      request: .max / 4, position: 0, stage: .prefill, layer: 0, horizon: 0, experts: [],
      chances: [], chosen: [1]),
  ]
  private static let unions = [
    BatchForecast(
      step: 2, requests: 4, layer: 1, horizon: 1, experts: [3, 0], chances: [1, 0.25],
      chosen: [0, 5, 9])
  ]

  private let shape: TraceShape

  init() throws { shape = try TraceShape(modelLayers: [1, 5], experts: 12, topK: 3) }

  private func file(_ format: any ForecastWriter.Type, batch: Int? = nil) throws -> [UInt8] {
    var bytes: [UInt8] = []
    var writer = format.init(shape: shape, top: 4, batch: batch)
    if batch == nil {
      for forecast in Self.told { try writer.add(forecast) { bytes += $0 } }
    } else {
      for forecast in Self.unions { try writer.add(forecast) { bytes += $0 } }
    }
    try writer.finish { bytes += $0 }
    return bytes
  }

  private func lines(_ bytes: [UInt8]) -> [String] {
    String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
  }

  /// The records of a file of lines.
  private func records(_ lines: [String]) throws -> [ForecastRecord] {
    let reader = try ForecastLineReader(first: lines[0])
    return try lines.dropFirst(reader.startsWithNames ? 1 : 0).map { try reader.record(of: $0) }
  }

  @Test func whatIsWrittenIsReadBack() throws {
    let expected = Self.told.map {
      ForecastRecord(
        request: $0.request, position: $0.position, layer: shape.modelLayers[$0.layer],
        horizon: $0.horizon, experts: $0.experts.map(Int.init), chances: $0.chances,
        chosen: $0.chosen.map(Int.init))
    }
    #expect(try records(lines(file(ForecastJSONLines.self))) == expected)
    #expect(try records(lines(file(ForecastCSV.self))) == expected)
    try file(ForecastNPZ.self).withUnsafeBytes { bytes in
      let archive = try ForecastNPZReader(bytes)
      #expect(try (0..<archive.rows).map { try archive.record($0) } == expected)
    }
  }

  @Test func batchesAreWrittenInEveryFormat() throws {
    #expect(
      lines(try file(ForecastJSONLines.self, batch: 4)) == [
        #"{"step": 2, "requests": 4, "layer": 5, "horizon": 1, "experts": [3, 0], "#
          + #""chances": [1.0, 0.25], "chosen": [0, 5, 9]}"#
      ])
    #expect(
      lines(try file(ForecastCSV.self, batch: 4)) == [
        "step,requests,layer,horizon,experts,chances,chosen", "2,4,5,1,3 0,1.0 0.25,0 5 9",
      ])
    for format in ForecastFormats.all {
      for batch in [nil, 4] {
        let bytes = try file(format, batch: batch)
        #expect(format.beginnings.contains { bytes.starts(with: $0) }, "\(format.name)")
      }
    }
  }

  @Test(.enabled(if: Python.has("numpy"), "python3 with numpy is absent"))
  func numpyReadsBatches() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(file(ForecastNPZ.self, batch: 4), to: "f.npz")
    let printed = try Python.run(
      """
      import numpy as np, sys
      z = np.load(sys.argv[1])
      print(sorted(z))
      print(z["ids"].tolist(), z["chosen"].tolist(), z["step"].tolist(), z["requests"].tolist())
      """, path)
    #expect(
      printed == """
        ['chances', 'chosen', 'horizon', 'ids', 'layer', 'requests', 'step']
        [[3, 0, -1, -1]] [[0, 5, 9, -1, -1, -1, -1, -1, -1, -1, -1, -1]] [2] [4]

        """)
  }

  /// Of another predictor's file only what is needed has to be there.
  @Test func whatIsNotNeededMayBeAbsent() throws {
    let expected = ForecastRecord(
      request: 4, position: 2, layer: 1, horizon: 1, experts: [5, 0], chances: nil)
    #expect(
      try records([#"{"experts": [5, 0], "model": "x", "layer": 1, "token": 2, "request": 4}"#])
        == [expected])
    #expect(
      try records(["layer,token, experts,request,note", "1,2,5 0,4,seen"]) == [expected])
  }

  @Test(arguments: [
    (["request,token,layer", "1,2,3"], "neither JSON lines nor a table with a column experts"),
    (["PNG"], "neither JSON lines nor a table with a column request"),
    (["step,requests,layer,horizon,experts,chances,chosen"], "it forecasts batches"),
    ([#"{"step": 2, "requests": 4, "layer": 5, "experts": [3]}"#], "it forecasts batches"),
    ([#"{"request": 2, "token": 1, "layer": 5}"#], "it lacks one of"),
    ([#"{"request": -2, "token": 1, "layer": 5, "experts": [3]}"#], "not a JSON object"),
    ([#"{"request": 2, "token": 1, "layer": 5, "experts": [3]"#], "not a JSON object"),
    (["request,token,layer,experts", "1,x,3,4 5"], "its token is 'x', no number"),
    (["request,token,layer,experts", "1,2,3,4;5"], "its experts are no numbers"),
    (["request,token,layer,experts", "1,2"], "its layer is '', no number"),
  ])
  func whatIsNoForecastIsRefused(_ lines: [String], problem: String) {
    let fault = #expect(throws: ForecastFault.self) { try records(lines) }
    #expect(fault?.problem.contains(problem) == true, "\(fault?.description ?? "")")
  }

  @Test func archivesOfOtherThingsAreRefused() throws {
    try file(ForecastNPZ.self, batch: 4).withUnsafeBytes { bytes in
      let fault = #expect(throws: ForecastFault.self) { try ForecastNPZReader(bytes) }
      #expect(fault?.problem == "it forecasts batches, not events")
      let cut = UnsafeRawBufferPointer(rebasing: bytes.dropLast(9))
      #expect(throws: ForecastFault.self) { try ForecastNPZReader(cut) }
    }
    let tables = try exported(sampleLearner(), by: NPZTables.self).output
    tables.withUnsafeBytes { bytes in
      let fault = #expect(throws: ForecastFault.self) { try ForecastNPZReader(bytes) }
      #expect(fault?.problem == "it has no array ids")
    }
  }
}
