import TestSupport
import Testing

/// `simulate cache`, `simulate demand` and `simulate sweep`.
struct StudyTests {
  private static let needsReference = ConditionTrait.enabled(
    if: Reference.isPresent, "\(Reference.absence)")

  @Test(needsReference, arguments: ["decode", "all"]) func expertCaches(stage: String) throws {
    let arguments = [
      "simulate", "cache", Program.test, "--capacity", "5,25", "--stage", stage, "--batch", "1",
    ]
    let lines = try Program.json(arguments).array
    let reference = try Reference.json("caches.py", [Program.test, stage, "5", "25"])
    let policies =
      ["lru", "lfu", "belady", "forecast, 0 ahead"]
      + [8, 16].flatMap { ["forecast, \($0) ahead", "belady, \($0) ahead"] }
    try #require(lines.map(\.["policy"].text) == policies + policies)
    expectAll(of: reference, in: .array(Array(lines[0..<3] + lines[8..<11])))
    for line in lines {
      // The bound with as much ahead; without prefetch it is Belady's rule.
      let ahead = line["policy"].text?.split(separator: ", ").dropFirst().first.map(String.init)
      func rate(_ policy: String) -> Double {
        lines.first {
          $0["capacity_percent"].number == line["capacity_percent"].number
            && $0["policy"].text == policy
        }?["hit_rate"].number ?? .nan
      }
      let bound = rate(ahead.flatMap { $0 == "0 ahead" ? nil : "belady, " + $0 } ?? "belady")
      let closed = (line["hit_rate"].number - rate("lru")) / (bound - rate("lru"))
      #expect(abs(line["gap_closed"].number - closed) < 1e-9 && closed <= 1)
      let missed = 1 - line["hit_rate"].number
      #expect(abs(line["traffic"].number - missed - line["prefetched"].number) < 1e-12)
      // An expert of tiny-moe has three matrices of 384 x 192 in bf16, or so.
      let bytes = line["bytes_brought"].number / (line["traffic"].number * line["reads"].number)
      #expect(
        abs(
          bytes - lines[0]["bytes_brought"].number
            / (lines[0]["traffic"].number * lines[0]["reads"].number)) < 1e-3 && bytes > 0)
      let prefetches = (line["policy"].text ?? "").hasSuffix("8 ahead")
      if prefetches { #expect((0...1).contains(line["precision"].number)) }
    }
    let table = try PrintedTable(try Program.text(arguments), beginning: "policy")
    try #require(table.rows.count == lines.count)
    for (row, line) in lines.enumerated() {
      #expect(try table.cell(row, "policy") == line["policy"].text)
      try table.expect(row, "capacity %", shows: line["capacity_percent"].number, 1)
      try table.expect(row, "places", shows: line["places"].number, 0)
      try table.expect(row, "hit rate", shows: line["hit_rate"].number, 4)
      try table.expect(row, "gap closed %", shows: 100 * line["gap_closed"].number, 1)
      try table.expect(row, "precision %", shows: 100 * line["precision"].number, 1)
      try table.expect(row, "brought/read", shows: line["traffic"].number, 3)
    }
  }

  /// Batches with and without slots that replay one token.
  @Test(needsReference, arguments: [16, 200]) func demands(batch: Int) throws {
    let arguments = [
      "simulate", "demand", Program.test, "--batch", "\(batch)", "--steps", "6",
      "--warm-steps", "2", "--forecast", "frequency,persistence,oracle", "--batching", "replay",
    ]
    let lines = try Program.json(arguments)
    let reference = try Reference.json("demand.py", [Program.test, "\(batch)", "6", "2"])
    #expect(expectAll(of: reference, in: lines) == 3 * 14)
    let table = try PrintedTable(try Program.text(arguments), beginning: "forecast")
    try #require(table.rows.count == 3)
    func expect(_ row: Int, _ title: String, _ shown: [Double], _ places: Int) throws {
      let cells = try table.cell(row, title).split { " ()".contains($0) }
      try #require(cells.count == shown.count)
      for (cell, value) in zip(cells, shown) { #expect(shows(cell, value, places), "\(title)") }
    }
    for (row, line) in lines.array.enumerated() {
      func figures(_ keys: String..., times scale: Double = 1) -> [Double] {
        keys.map { scale * line[$0].number }
      }
      #expect(table.rows[row].prefix(2) == [line["forecast"].text ?? "", "next step"])
      try table.expect(row, "batch", shows: Double(batch), 0)
      try table.expect(row, "distinct", shows: line["distinct_tokens"].number, 0)
      try expect(
        row, "misplaced %", figures("load_error", "load_error_if_right", times: 100), 1)
      try expect(row, "precision %", figures("precision", times: 100), 1)
      try expect(row, "recall %", figures("recall", times: 100), 1)
      try expect(row, "F1 %", figures("f1", "f1_if_right", times: 100), 1)
      try expect(row, "Brier", figures("brier", "brier_if_right"), 4)
      try expect(row, "off by", figures("calibration_error"), 4)
    }
  }

  /// Speed-up and fewer hops are ratios to Base of the same configuration; the strategies are those
  /// of a run by themselves; table and CSV show what the JSON says.
  @Test func sweeps() throws {
    let arguments = [
      "simulate", "sweep", Program.test, "--batch", "64,256", "--steps", "4", "--warm-steps", "1",
      "--shape", "tiny-moe,mixtral-8x7b", "--wafer", "dojo,pcie-1", "--heatmap", "in-sample",
    ]
    let lines = try Program.json(arguments).array
    // Five strategies and two forecasts each; the mixture too where requests are real.
    try #require(lines.count == 2 * 2 * (8 + 7))
    func configuration(_ line: JSONValue) -> [String?] {
      [line["wafer"].text, line["shape"].text, "\(line["batch"].number)"]
    }
    var ratios: Set<Double> = []
    for line in lines {
      let base = try #require(
        lines.first {
          $0["strategy"].text == "base" && configuration($0) == configuration(line)
        })
      let speedup = line["tokens_per_second"].number / base["tokens_per_second"].number
      #expect(abs(line["speedup"].number - speedup) < 1e-12)
      ratios.insert(speedup)
      let hops = base["hops"].number / line["hops"].number
      #expect(
        hops.isFinite
          ? abs(line["hop_reduction"].number - hops) < 1e-12 : line["hop_reduction"].isNull)
      let isOwn = line["shape"].text == "tiny-moe"
      #expect(line["trace"].text == (isOwn ? "real" : "scaled from tiny-moe"))
      // Nothing is held against a perfect forecast of requests that are not real.
      #expect(line["regret"].isNull == !(isOwn && line["strategy"].text == "staged"))
    }
    #expect(ratios.count > 10)
    for strategy in ["pred", "staged"] {
      let own = try Program.json(
        [
          "simulate", Program.test, "--shape", "tiny-moe", "--wafer", "pcie-1", "--batch", "256",
          "--steps", "4", "--warm-steps", "1", "--strategy", strategy, "--batching", "replay",
          "--heatmap", "in-sample",
        ] + (strategy == "staged" ? ["--forecast", "heatmap,persistence,mixture"] : []))[0]
      let line = lines.first {
        configuration($0) == configuration(own) && $0["strategy"].text == strategy
          && $0["forecast"].text == own["forecast"].text
      }
      for key in ["mean_layer_seconds", "tokens_per_second", "hops", "copies", "local_reads"] {
        #expect(line?[key].number == own[key].number, "\(strategy) \(key)")
      }
      #expect(line?["regret"].number == own["regret"].number || strategy == "pred")
    }
    try expect(try PrintedTable(try Program.text(arguments), beginning: "wafer").rows, show: lines)
    let csv = try Program.text(arguments + ["--csv"])
    #expect(
      csv.hasPrefix(
        "wafer,shape,weights,trace,strategy,forecast,forecast_source,batch,mean_layer_seconds,tokens_per_second,"
          + "speedup,hops,hop_reduction,local_reads,remote_reads,copies,host_overhead,staging.reads,"
      ))
    #expect(try expectCSV(csv, shows: lines) == 35)
  }

  /// A preset is the options that it stands for; what is given beside it wins.
  @Test func presetsStandForOptions() throws {
    let arguments = [
      "simulate", "sweep", Program.test, "--batch", "64", "--shape", "tiny-moe", "--wafer", "dojo",
      "--forecast", "persistence", "--csv",
    ]
    func text(_ more: String...) throws -> String { try Program.text(arguments + more) }
    let untuned = try text("--paper", "P")
    #expect(
      untuned
        == (try text(
          "--weights", "fp8", "--placement", "round-robin", "--ignore-capacity", "--steps", "12",
          "--warm-steps", "8")))
    #expect(
      try text("--paper", "N")
        == (try text("--weights", "bf16", "--block", "80", "--set", "compute_efficiency=0.7")))
    #expect(try text("--paper", "P", "--weights", "bf16", "--steps", "16") != untuned)
  }

  private func expect(_ rows: [[String]], show lines: [JSONValue]) throws {
    try #require(rows.count == lines.count)
    for (row, line) in zip(rows, lines) {
      try #require(row.count == 20)
      let source = line["forecast_source"].text.map { ", " + $0 } ?? ""
      let name =
        [line["strategy"], line["forecast"]].compactMap(\.text).joined(separator: " ") + source
      let words = [line["wafer"], line["shape"], line["weights"], line["trace"]].map(\.text)
      #expect(row.prefix(5) == (words.compactMap(\.self) + [name])[...])
      let staging = line["staging"]
      func share(_ key: String) -> Double { 100 * staging[key].number / staging["reads"].number }
      for (column, (value, places)) in [
        (line["batch"].number, 0), (line["mean_layer_seconds"].number * 1e6, 1),
        (line["tokens_per_second"].number, 0), (line["speedup"].number, 2),
        (line["hop_reduction"].number, 1), (line["local_reads"].number, 1),
        (line["remote_reads"].number, 1), (line["copies"].number, 1),
        (100 * line["host_overhead"].number, 1), (share("staged_on_time"), 2),
        (share("staged_late"), 2), (share("demand"), 2), (100 * staging["precision"].number, 1),
        (100 * line["over_persistence"].number, 2), (100 * line["regret"].number, 2),
      ].enumerated() {
        #expect(shows(row[5 + column], value, places), "\(row), column \(5 + column) is \(value)")
      }
    }
  }

  /// The other commands' CSV: the keys of their JSON, its numbers in full; lists stand in JSON
  /// alone.
  @Test func commaSeparated() throws {
    let simulate = [
      "simulate", Program.test, "--wafer", "pcie-1", "--batch", "4", "--strategy", "base,staged",
    ]
    let cache = ["simulate", "cache", Program.test, "--capacity", "5"]
    let demand = [
      "simulate", "demand", Program.test, "--batch", "8", "--steps", "3", "--forecast", "frequency",
    ]
    for (arguments, columns) in [(simulate, 48), (cache, 12), (demand, 18)] {
      let lines = try Program.json(arguments).array
      #expect(
        try expectCSV(try Program.text(arguments + ["--csv"]), shows: lines) == columns,
        "\(arguments)")
    }
  }

  /// Expects every cell to be the JSON's value, or empty where that has none; tells how many
  /// columns there are.
  private func expectCSV(_ csv: String, shows lines: [JSONValue]) throws -> Int {
    let rows = csv.split(separator: "\n").map { row in
      row.replacing("\"forecast, ", with: "forecast; ").replacing("\"belady, ", with: "belady; ")
        .split(
          separator: ",", omittingEmptySubsequences: false
        ).map { $0.replacing("; ", with: ", ").replacing("\"", with: "") }
    }
    try #require(rows.count == lines.count + 1)
    for (row, line) in zip(rows.dropFirst(), lines) {
      try #require(row.count == rows[0].count)
      for (key, cell) in zip(rows[0], row) {
        let path = key.split(separator: ".").map(String.init)
        let value = path.reduce(line) { $0[$1] }
        if let text = value.text {
          #expect(cell == text, "\(key)")
        } else if value.isNull {
          #expect(cell.isEmpty, "\(key)")
        } else {
          #expect(Double(cell) == value.number, "\(key)")
        }
      }
    }
    return rows[0].count
  }
}
