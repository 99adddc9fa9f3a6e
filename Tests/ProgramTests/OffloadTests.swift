import TestSupport
import Testing

/// `simulate offload` on the traces that ship.
struct OffloadTests {
  private static let arguments = [
    "simulate", "offload", Program.test, "--stage", "all", "--capacity", "25,50", "--batch", "2",
    "--steps", "12", "--warm-steps", "4", "--gap-seconds", "1e-5", "--forecast",
    "layer-markov,oracle",
  ]

  /// Every policy with every forecast, the figures among each other, and the table as the JSON.
  @Test func policiesAreTold() throws {
    let lines = try Program.json(Self.arguments).array
    try #require(lines.count == 12)
    let policies = ["on-demand", "lru", "promoe", "promoe", "staged", "staged"]
    #expect(lines.map { $0["policy"].text } == policies + policies)
    let forecasts: [String?] = [nil, nil, "layer-markov", "oracle", "layer-markov", "oracle"]
    #expect(lines.map { $0["forecast"].text } == forecasts + forecasts)
    for (index, line) in lines.enumerated() {
      let first = index / 6 * 6
      func speed(_ line: JSONValue) -> Double { line["tokens_per_second"].number }
      #expect(abs(line["over_on_demand"].number - speed(line) / speed(lines[first])) < 1e-9)
      #expect(abs(line["over_lru"].number - speed(line) / speed(lines[first + 1])) < 1e-9)
      let all = line["layer_seconds"].number + line["gap_seconds"].number
      let waited = line["layer_seconds"].number - line["resident_layer_seconds"].number
      #expect(abs(line["load_share"].number - max(0, waited) / all) < 1e-9)
      #expect(line["gap_seconds"].number == 1e-5 && line["system"]["name"].text == "pcie-1")
      #expect((0...1).contains(line["hit_rate"].number))
      guard line["policy"].text == "promoe" else { continue }
      let good = line["accuracy"].number * line["timeliness"].number
      #expect(abs(line["good_prediction"].number - good) < 1e-12)
      if line["forecast"].text == "oracle" { #expect(line["accuracy"].number == 1) }
    }
    // More room, and never slower for knowing what comes.
    #expect(lines[7]["hit_rate"].number > lines[1]["hit_rate"].number)
    #expect(lines[3]["over_lru"].number > lines[2]["over_lru"].number)
    #expect(lines[0]["hit_rate"].number == 0)

    let table = try PrintedTable(try Program.text(Self.arguments), beginning: "wafer")
    try #require(table.rows.count == lines.count)
    for (row, line) in lines.enumerated() {
      #expect(try table.cell(row, "policy") == line["policy"].text)
      try table.expect(row, "us/layer", shows: 1e6 * line["layer_seconds"].number, 1)
      try table.expect(row, "x on-demand", shows: line["over_on_demand"].number, 2)
      try table.expect(row, "x lru", shows: line["over_lru"].number, 2)
      try table.expect(row, "load %", shows: 100 * line["load_share"].number, 1)
      try table.expect(row, "hit %", shows: 100 * line["hit_rate"].number, 1)
    }
  }

  /// Rules that are left out, and what does not fit, are told; the same call prints the same.
  @Test func rulesAndRefusals() throws {
    let arguments = [
      "simulate", "offload", Program.test, "--stage", "all", "--steps", "8", "--batch", "4",
      "--policy", "promoe", "--forecast", "oracle",
    ]
    let whole = try Program.text(arguments + ["--csv"])
    #expect(try Program.text(arguments + ["--csv"]) == whole)
    #expect(try Program.text(arguments + ["--csv", "--ask-late"]) != whole)
    #expect(try Program.text(arguments + ["--csv", "--chunk-bytes", "1e4"]) != whole)
    for (options, problem) in [
      (["--capacity", "0.1"], "is not one for each of 1 dies; give at least "),
      (["--wafer", "nvlink-8"], "so there is nothing to bring; take a system with experts behind"),
      (["--set", "hbm_capacity_bytes=1e5"], "of HBM left for it; at most 0 experts a layer fit"),
    ] {
      let error = #expect(throws: CommandError.self) { try Program.text(arguments + options) }
      #expect(error?.description.contains(problem) == true, "\(error?.description ?? "")")
    }
  }
}
