import Foundation
import TestSupport
import Testing

/// `simulate` with single configurations: against the paper's strategies in Python, and its table
/// against its JSON.
struct SimulateTests {
  /// A configuration's figures, means a layer.
  struct Golden: Sendable {
    let wafer: String
    let engine: String
    let strategy: String
    let seconds: Double
    let hops: Double
    let requestHops: Double
    let local: Double
    let remote: Double
    let copies: Double
    let tokensPerSecond: Double

    init(
      _ wafer: String, _ engine: String, _ strategy: String, _ seconds: Double, _ hops: Double,
      _ requestHops: Double, _ local: Double, _ remote: Double, _ copies: Double,
      _ tokensPerSecond: Double
    ) {
      (self.wafer, self.engine, self.strategy, self.seconds) = (wafer, engine, strategy, seconds)
      (self.hops, self.requestHops, self.local, self.remote) = (hops, requestHops, local, remote)
      (self.copies, self.tokensPerSecond) = (copies, tokensPerSecond)
    }
  }

  /// Two steps of 2,048 tokens of the held-out trace's decode as those of olmoe-1b-7b, whose
  /// experts and top-k are the same. Made by the Python reference of the strategies
  /// (`wafer_reference.py`, numpy):
  ///
  ///     m = Model('olmoe', 2048, 1024, 64, 8, 16); tr = Trace(*pool('decode'))
  ///     simulate(HWS[wafer](), m, tr, 2048, 2, strategy, heat=tr.heat(64), engine=engine,
  ///              ekw={} or dict(order='rot', window=128e6) for the event engine)
  static let goldens = [
    Golden(
      "dojo", "bound", "base", 0.00015256947294117645, 1144.7916666666667, 52024.583333333336,
      14.625, 345.875,
      0, 838962.0645104458),
    Golden(
      "dojo", "bound", "ep", 1.4919010149253727e-5, 0, 0, 64, 0,
      0, 8579657.679661997),
    Golden(
      "dojo", "bound", "allo", 1.4919010149253727e-5, 0, 0, 64, 0,
      0, 8579657.679661997),
    Golden(
      "dojo", "bound", "pred", 0.0001229769243898156, 723.625, 32645.291666666668,
      142.08333333333334, 218.41666666666666,
      214.375, 1040845.6760087943),
    Golden(
      "dojo", "bound", "allo+pred", 1.4919010149253727e-5, 0, 0, 64, 0,
      0, 8579657.679661997),
    Golden(
      "dojo", "event", "base", 0.00015685728122163446, 1144.7916666666667, 52024.583333333336,
      14.625, 345.875,
      0, 816028.424075131),
    Golden(
      "dojo", "event", "ep", 1.3174145550910765e-5, 0, 0, 64, 0,
      0, 9716000.138707364),
    Golden(
      "dojo", "event", "allo", 1.3173247512971042e-5, 0, 0, 64, 0,
      0, 9716662.491459662),
    Golden(
      "dojo", "event", "pred", 0.000136186770429217, 723.625, 32645.291666666668,
      142.08333333333334, 218.41666666666666,
      214.375, 939885.7142774226),
    Golden(
      "dojo", "event", "allo+pred", 1.3173247512971042e-5, 0, 0, 64, 0,
      0, 9716662.491459662),
    Golden(
      "sow", "bound", "base", 0.00022015169882352953, 1236.25, 56074.375, 15.625, 344.875,
      0, 581417.271290752),
    Golden(
      "sow", "bound", "ep", 1.491870447761194e-5, 0, 0, 64, 0,
      0, 8579833.469594214),
    Golden(
      "sow", "bound", "allo", 1.491870447761194e-5, 0, 0, 64, 0,
      0, 8579833.469594214),
    Golden(
      "sow", "bound", "pred", 0.00016641916247000298, 781.4166666666666, 35179.375,
      142.58333333333334, 217.91666666666666,
      213.91666666666666, 769142.1955273448),
    Golden(
      "sow", "bound", "allo+pred", 1.491870447761194e-5, 0, 0, 64, 0,
      0, 8579833.469594214),
    Golden(
      "sow", "event", "base", 0.00022743161572576383, 1236.25, 56074.375, 15.625, 344.875,
      0, 562806.5367760563),
    Golden(
      "sow", "event", "ep", 1.31632939294629e-5, 0, 0, 64, 0,
      0, 9724009.86302543),
    Golden(
      "sow", "event", "allo", 1.3070760416642773e-5, 0, 0, 64, 0,
      0, 9792850.294847406),
    Golden(
      "sow", "event", "pred", 0.0001808755349514093, 781.4166666666666, 35179.375,
      142.58333333333334, 217.91666666666666,
      213.91666666666666, 707668.9505542368),
    Golden(
      "sow", "event", "allo+pred", 1.3070760416642773e-5, 0, 0, 64, 0,
      0, 9792850.294847406),
  ]

  private static let arguments = ["simulate", Program.test, "--shape", "olmoe-1b-7b"]

  @Test(arguments: ["bound", "event"]) func strategiesAreThoseOfTheReference(engine: String) throws
  {
    let arguments =
      Self.arguments + [
        "--wafer", "dojo,sow", "--batch", "2048", "--engine", engine,
        "--strategy", "base,ep,allo,pred,allo+pred", "--batching", "replay", "--heatmap",
        "in-sample",
      ] + (engine == "event" ? ["--reads-alone"] : [])
    let lines = try Program.json(arguments).array
    let goldens = Self.goldens.filter { $0.engine == engine }
    try #require(lines.count == 10 && goldens.count == 10)
    for (line, golden) in zip(lines, goldens) {
      let place = Comment(rawValue: "\(golden.wafer) \(golden.strategy)")
      #expect(line["wafer"].text == golden.wafer && line["strategy"].text == golden.strategy, place)
      #expect(line["engine"].text == engine && line["shape"].text == "olmoe-1b-7b", place)
      #expect(line["batch"].number == 2048, place)
      for (key, value) in [
        ("mean_layer_seconds", golden.seconds), ("hops", golden.hops),
        ("request_hops", golden.requestHops), ("local_reads", golden.local),
        ("remote_reads", golden.remote), ("copies", golden.copies),
        ("tokens_per_second", golden.tokensPerSecond),
      ] { #expect(abs(line[key].number - value) <= 1e-9 * max(value, 1e-9), "\(place) \(key)") }
    }
    let table = try PrintedTable(try Program.text(arguments), beginning: "wafer")
    try expect(table, shows: lines) { line in
      goldens[line["wafer"].text == "dojo" ? 0 : 5].tokensPerSecond
    }
  }

  /// - Parameter base: the throughput of Base with a line's system and batch.
  private func expect(
    _ table: PrintedTable, shows lines: [JSONValue], base: (JSONValue) -> Double
  ) throws {
    #expect(
      table.header == [
        "wafer", "strategy", "batch", "requests", "us/layer", "tokens/s", "x base", "hops", "local",
        "remote", "copies", "bound by",
      ])
    try #require(table.rows.count == lines.count)
    for (row, line) in lines.enumerated() {
      #expect(try table.cell(row, "wafer") == line["wafer"].text)
      let name = [line["strategy"], line["forecast"]].compactMap(\.text).joined(separator: " ")
      let source = line["forecast_source"].text.map { ", " + $0 } ?? ""
      #expect(try table.cell(row, "strategy") == name + source)
      let (used, all) = (line["pool_requests_used"].number, line["pool_requests"].number)
      #expect(try table.cell(row, "requests") == "\(Int(used))/\(Int(all))" && used <= all)
      try table.expect(row, "batch", shows: line["batch"].number, 0)
      try table.expect(row, "us/layer", shows: line["mean_layer_seconds"].number * 1e6, 1)
      try table.expect(row, "tokens/s", shows: line["tokens_per_second"].number, 0)
      try table.expect(row, "x base", shows: line["tokens_per_second"].number / base(line), 2)
      try table.expect(row, "hops", shows: line["hops"].number, 1)
      try table.expect(row, "local", shows: line["local_reads"].number, 1)
      try table.expect(row, "remote", shows: line["remote_reads"].number, 1)
      try table.expect(row, "copies", shows: line["copies"].number, 1)
      #expect(try table.cell(row, "bound by") == line["bottleneck"].text)
    }
  }

  /// Base of the same system and the same batch, whatever the order; `-` where there is none.
  @Test func ratiosAreToBaseOfTheSameConfiguration() throws {
    let arguments =
      Self.arguments + ["--wafer", "dojo,pcie-1", "--batch", "64,512", "--strategy", "pred,base"]
    let lines = try Program.json(arguments).array
    try #require(lines.count == 8)
    var bases: [String: Double] = [:]
    func key(_ line: JSONValue) -> String { "\(line["wafer"].text ?? "") \(line["batch"].number)" }
    for line in lines where line["strategy"].text == "base" {
      bases[key(line)] = line["tokens_per_second"].number
    }
    #expect(Set(bases.values).count == 4)
    try expect(try PrintedTable(try Program.text(arguments), beginning: "wafer"), shows: lines) {
      bases[key($0)] ?? .nan
    }
    let alone = Self.arguments + ["--batch", "64", "--strategy", "ep"]
    try expect(
      try PrintedTable(try Program.text(alone), beginning: "wafer"),
      shows: try Program.json(alone).array
    ) { _ in .nan }
  }

  /// A model that has counted the same tokens gives the traces' own heatmap; another one, prompts,
  /// and what was counted on the way give others. Every line says which it was.
  @Test func theHeatmapIsTheOneNamed() throws {
    let folder = try TemporaryFolder()
    let own = folder.file("own.h5")
    _ = try Program.text(["train", Program.test, "--model", own, "--predictors", "token-markov"])
    let arguments =
      Self.arguments + [
        "--wafer", "dojo", "--batch", "512", "--strategy", "base,ep,pred,staged",
        "--forecast", "heatmap", "--gap-seconds", "1e-4",
      ]
    func lines(_ heatmap: String, _ options: [String] = []) throws -> [JSONValue] {
      let lines = try Program.json(arguments + ["--heatmap", heatmap] + options).array
      #expect(lines.map(\.["forecast_source"].text) == [nil, nil, heatmap, heatmap])
      return lines
    }
    let inSample = try lines("in-sample", ["--stage", "all"])
    let modelled = try lines(own, ["--stage", "all"])
    for (line, other) in zip(inSample, modelled) {
      for key in ["mean_layer_seconds", "copies", "hops"] {
        #expect(line[key].number == other[key].number)
      }
    }
    let decode = try ["in-sample", "online", "prefill", Program.model].map { try lines($0) }
    for other in decode.dropFirst() {
      for (line, other) in zip(decode[0], other).prefix(2) { expectAll(of: line, in: other) }
      #expect(decode[0][2]["copies"].number != other[2]["copies"].number)
    }
    let byDefault = try Program.json(arguments).array
    #expect(byDefault[2]["forecast_source"].text == "online")
  }

  /// Ways to fill batches: a seed decides, throughput is tokens over time, every read is counted.
  @Test(arguments: [
    ["--batching", "continuous"], ["--batching", "continuous", "--engine", "event"],
    ["--stage", "prefill", "--prefill-chunk", "8"],
    ["--stage", "prefill", "--prefill-chunk", "8", "--engine", "event", "--horizon", "2"],
  ]) func batchesOfOtherKinds(options: [String]) throws {
    let arguments =
      Self.arguments + [
        "--strategy", "base,staged", "--forecast", "none,frequency", "--batch", "6", "--steps",
        "3", "--wafer", "pcie-1",
      ]
    let lines = try Program.json(arguments + options + ["--seed", "4"]).array
    try #require(lines.count == 3)
    for line in lines {
      // 16 MoE layers of the model; the traces have 12.
      let rate = 6 / (line["mean_layer_seconds"].number * 16)
      #expect(abs(line["tokens_per_second"].number / rate - 1) < 1e-9)
      guard !line["staging"].isNull else { continue }
      let reads = line["local_reads"].number + line["remote_reads"].number
      #expect(abs(reads * 3 * 12 - line["staging"]["reads"].number) < 1e-6)
    }
    expectAll(
      of: .array(lines), in: try Program.json(arguments + options + ["--seed", "4"]), within: 0)
    let (other, replayed) = (
      try Program.json(arguments + options + ["--seed", "5"]).array,
      try Program.json(arguments + ["--batching", "replay"]).array
    )
    for key in ["mean_layer_seconds"] {
      #expect(lines[1][key].number != other[1][key].number)
      #expect(lines[1][key].number != replayed[1][key].number)
    }
  }

  /// A host's link, room for some experts, and time between layers: what is brought, and in whose
  /// place, matters.
  private static let staged =
    arguments + [
      "--wafer", "pcie-1", "--batch", "4", "--steps", "24", "--copy-bytes", "3e9",
      "--gap-seconds", "1e-3",
    ]

  /// Regret is time over that of a perfect forecast, and over that of one with Belady's eviction:
  /// both are runs of their own here.
  @Test(arguments: ["lru", "expected"]) func regretIsARatioOfTimes(eviction: String) throws {
    func seconds(_ forecast: String, _ eviction: String) throws -> Double {
      let lines = try Program.json(
        Self.staged + [
          "--strategy", "staged", "--forecast", forecast, "--eviction", eviction,
        ]
      ).array
      return lines[0]["mean_layer_seconds"].number
    }
    let alone = (try seconds("oracle", eviction), try seconds("oracle", "belady"))
    // A perfect forecast evicts by expected use as Belady does.
    #expect(eviction == "lru" ? alone.0 > 1.1 * alone.1 : alone.0 == alone.1)
    let arguments =
      Self.staged + [
        "--strategy", "base,staged", "--forecast", "none,heatmap,frequency,oracle", "--eviction",
        eviction,
      ]
    let lines = try Program.json(arguments).array
    try #require(lines.count == 5)
    // Who knows what comes knows what each forecast would have done.
    let known = lines.dropFirst().map(\.["mean_layer_seconds"].number) + [alone.0]
    let (perfect, belady) = (known.min() ?? 0, (known + [alone.1]).min() ?? 0)
    for line in lines.dropFirst() {
      let own = line["mean_layer_seconds"].number
      #expect(abs(line["regret"].number - (own / perfect - 1)) < 1e-9)
      #expect(abs(line["regret_to_belady"].number - (own / belady - 1)) < 1e-9)
      #expect(line["regret"].number >= 0)
      #expect(line["forecast"].text != "none" || line["regret"].number > 0.01)
    }
    let text = try Program.text(arguments)
    try expect(try PrintedTable(text, beginning: "wafer"), shows: lines) { _ in
      lines[0]["tokens_per_second"].number
    }
    let second = text.components(separatedBy: "\n\n")[1]
    try expect(try PrintedTable(second, beginning: "wafer"), showsStaging: Array(lines.dropFirst()))
  }

  private func expect(_ table: PrintedTable, showsStaging lines: [JSONValue]) throws {
    try #require(table.rows.count == lines.count)
    for (row, line) in lines.enumerated() {
      let source = line["forecast_source"].text.map { ", " + $0 } ?? ""
      let name = "staged " + (line["forecast"].text ?? "") + source
      #expect(try table.cell(row, "strategy") == name)
      let own = line["staging"]
      let met = ["local", "staged_on_time", "staged_late", "demand"]
      #expect(met.reduce(0) { $0 + own[$1].number } == own["reads"].number)
      for (title, key) in zip(["local %", "on time %", "late %", "demand %"], met) {
        try table.expect(row, title, shows: 100 * own[key].number / own["reads"].number, 2)
      }
      let (used, wasted) = (own["transfers_used"].number, own["transfers_wasted"].number)
      try table.expect(row, "used", shows: used, 0)
      try table.expect(row, "wasted", shows: wasted, 0)
      #expect(abs(own["precision"].number - used / max(1, used + wasted)) < 1e-12)
      try table.expect(row, "precision %", shows: 100 * own["precision"].number, 1)
      try table.expect(row, "GB used", shows: own["bytes_used"].number / 1e9, 1)
      try table.expect(row, "GB wasted", shows: own["bytes_wasted"].number / 1e9, 1)
      try table.expect(row, "to persistence %", shows: 100 * line["over_persistence"].number, 2)
      try table.expect(row, "regret %", shows: 100 * line["regret"].number, 2)
      try table.expect(row, "to Belady %", shows: 100 * line["regret_to_belady"].number, 2)
    }
  }

  /// Requests that arrive, for every strategy and rate: the same for the same seed.
  @Test func servingIsTold() throws {
    let arguments = [
      "simulate", "serving", Program.test, "--wafer", "pcie-1", "--rate", "100,1000",
      "--requests", "9", "--slots", "2", "--strategy", "ep,staged",
    ]
    let rows = try Program.json(arguments).array
    try #require(rows.count == 2 * 3)
    #expect(rows.map(\.["strategy"].text) == ["ep", "staged", "staged", "ep", "staged", "staged"])
    #expect(rows.map(\.["rate"].number) == [100, 100, 100, 1000, 1000, 1000])
    for row in rows {
      #expect(row["requests"].number == 9 && row["system"]["name"].text == "pcie-1")
      let times = ["first_token", "per_token", "whole"].flatMap { key in
        [50, 90, 99].map { row["\(key)_p\($0)_seconds"].number }
      }
      #expect(times[0] <= times[1] && times[1] <= times[2] && times[2] <= times[8])
    }
    let csv = try Program.text(arguments + ["--csv"]).split(separator: "\n")
    #expect(csv.count == 7)
    #expect(csv[0].hasPrefix("wafer,shape,strategy,forecast,rate,requests,slots,step_tokens,seed,"))
    #expect(try Program.text(arguments) == Program.text(arguments))
    let error = #expect(throws: CommandError.self) {
      try Program.text(arguments + ["--placement", "/nowhere/p.json"])
    }
    #expect(error?.description.contains("/nowhere/p.json") == true)
  }

  /// Every policy on the same arrivals: what is served is the same, what is held is not.
  @Test func serverlessExpertsAreTold() throws {
    let arguments = [
      "simulate", "serverless", Program.test, "--rate", "40", "--requests", "12", "--seed", "1,2",
      "--forecast", "none,mixture,oracle", "--distance", "1,3", "--gap-seconds", "1e-4",
    ]
    let rows = try Program.json(arguments).array
    // none looks ahead at no distance, so it has one line.
    let labels = ["static", "eplb", "none", "mixture", "mixture", "oracle", "oracle"]
    try #require(rows.count == 2 * labels.count)
    #expect(
      rows.prefix(7).map { ($0["forecast"].isNull ? $0["policy"] : $0["forecast"]).text } == labels)
    for half in [rows.prefix(7), rows.suffix(7)] {
      let fixed = try #require(half.first)
      for row in half {
        #expect(row["requests"].number == 12 && row["tokens"].number == fixed["tokens"].number)
        #expect(row["layer_p50_seconds"].number <= row["layer_p99_seconds"].number)
        #expect(row["peak_gigabytes"].number <= 2 * fixed["peak_gigabytes"].number)
        let cost = row["gigabyte_seconds"].number / fixed["gigabyte_seconds"].number - 1
        #expect(abs(row["cost_over_static"].number - cost) < 1e-12)
      }
      let oracle = half.filter { $0["forecast"].text == "oracle" }
      #expect(oracle.count == 2 && oracle.allSatisfy { $0["right_share"].number == 1 })
      let mixture = half.filter { $0["forecast"].text == "mixture" }.map(\.["right_share"].number)
      #expect(mixture[0] > mixture[1], "three layers ahead less is known than one")
      #expect(mixture[1] > 0.5)
    }
    #expect(rows[0]["seed"].number == 1 && rows[7]["seed"].number == 2)
    #expect(rows[0]["seconds"].number != rows[7]["seconds"].number)
    #expect(try Program.text(arguments) == Program.text(arguments + ["--workers", "1"]))
    let error = #expect(throws: CommandError.self) {
      try Program.text(
        [
          "simulate", "serverless", Program.test, "--rate", "1", "--policy", "static", "--set",
          "hbm_capacity_bytes=1e6",
        ])
    }
    #expect(error?.description.contains("needs room for") == true, "\(error?.description ?? "")")
  }
}
