import Foundation
import TestSupport
import Testing

/// `train`, `evaluate` and `compare` of the counting predictors, against numpy an event at a time.
@Suite(.enabled(if: Reference.isPresent, "\(Reference.absence)"))
struct AccuracyTests {
  /// The reference's figures, computed once for all tests.
  private static let reference = Result {
    try Reference.json("accuracy.py", [Program.train, Program.test])
  }
  private static let predictors = ["--predictors", Program.counting.joined(separator: ",")]
  private static let stages = ["prefill", "decode", "all"]

  private let folder: TemporaryFolder
  private let model: String

  init() throws {
    folder = try TemporaryFolder()
    model = folder.file("m.h5")
  }

  /// Holds a report of `train` or `evaluate` against the reference's.
  private func expect(_ printed: JSONValue, is reference: JSONValue) {
    for key in ["requests", "tokens", "events"] {
      #expect(expectAll(of: reference[key], in: printed[key], at: key) > 0)
    }
    #expect(printed["layers"].array.count == 12)
    let places =
      [(reference["stages"], printed)]
      + zip(reference["layers"].array, printed["layers"].array).map { ($0["stages"], $1) }
    for (layer, own) in zip(reference["layers"].array, printed["layers"].array) {
      #expect(layer["layer"].number == own["layer"].number)
    }
    for (wanted, own) in places {
      for stage in Self.stages {
        #expect(own["recall"][stage].keys == Set(Program.counting))
        for name in Program.counting {
          let place = "\(stage), \(name)"
          let figures = wanted[stage][name]
          #expect(own["recall"][stage][name].keys == ["1", "8", "16", "32"])
          let count = expectAll(
            of: figures["recall"], in: own["recall"][stage][name], at: place)
          #expect(count == 4)
          // Log losses are added up in steps of 2^-24 bits.
          expectAll(
            of: figures["log_loss_bits"], in: own["log_loss_bits"][stage][name], within: 1e-7,
            at: place)
        }
      }
    }
  }

  @Test func trainedFrozenAndLearningOn() throws {
    let reference = try Self.reference.get()
    let trained = try Program.json(["train", Program.train, "--model", model] + Self.predictors)
    expect(trained, is: reference["train"])
    let evaluate = ["evaluate", "--model", model, Program.test]
    let before = try folder.bytes(of: "m.h5")
    expect(try Program.json(evaluate + ["--frozen"]), is: reference["frozen"])
    expect(try Program.json(evaluate), is: reference["learning"])
    #expect(try folder.bytes(of: "m.h5") == before)
    // Were learning and frozen the same, none of this would tell them apart.
    #expect(
      reference["frozen"]["stages"]["all"]["layer-markov"]["recall"]["8"].number
        != reference["learning"]["stages"]["all"]["layer-markov"]["recall"]["8"].number)
  }

  /// The table shows the figures of `--json`, and the lines on the way those of the reference.
  @Test func theTablesOfTraining() throws {
    let reference = try Self.reference.get()
    let text = try Program.text(["train", Program.train, "--per-layer"] + Self.predictors)
    let json = try Program.json(["train", Program.train] + Self.predictors)
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    let progress = lines.dropFirst(2).prefix { !$0.isEmpty }.map { $0.split(separator: " ") }
    try #require(progress.count == 4)
    #expect(
      lines[0].split(separator: " ").map(String.init) == ["chunks", "events", "events/s"]
        + Program.counting)
    #expect(lines[1].split(separator: " ") == (0..<8).map { $0 % 2 == 0 ? "avg@8" : "last" })
    for (line, wanted) in zip(progress, reference["progress"].array) {
      try #require(line.count == 11)
      #expect(Double(line[0]) == wanted["chunks"].number)
      #expect(Double(line[1].filter { $0 != "," }) == wanted["events"].number)
      for (index, recall) in wanted["recall"].array.enumerated() {
        #expect(shows(line[3 + 2 * index], recall[0].number, 4), "average of \(index)")
        #expect(shows(line[4 + 2 * index], recall[1].number, 4), "last of \(index)")
      }
    }
    try expectAccuracy(try PrintedTable(text, beginning: "stage"), shows: json, Self.stages)
    let layers = try PrintedTable(text, beginning: "model layer")
    try #require(layers.rows.count == 12)
    for (row, layer) in json["layers"].array.enumerated() {
      #expect(layers.rows[row][0] == "\(Int(layer["layer"].number))")
      for name in Program.counting {
        try layers.expect(
          row, "\(name) @8", shows: layer["recall"]["all"][name]["8"].number, 4)
      }
    }
    let last = lines.filter { !$0.isEmpty }.suffix(2)
    #expect(last.first?.hasPrefix("35 requests, 6,685 tokens; 80,220 events in ") == true)
    #expect(last.last?.hasPrefix("nothing is kept: ") == true)
  }

  /// Lines on the way stand where they were asked for.
  @Test func linesOnTheWay() throws {
    func chunks(_ options: [String]) throws -> [Substring] {
      let arguments = ["train", Program.train, "--predictors", "frequency"] + options
      return try Program.text(arguments).split(separator: "\n")
        .filter { $0.hasPrefix("   ") }.compactMap { $0.split(separator: " ").first }
        .filter { $0.allSatisfy(\.isNumber) }
    }
    #expect(try chunks([]) == ["1", "2", "4", "8"])
    #expect(try chunks(["--every", "5"]) == ["5", "10"])
    #expect(try chunks(["--every", "7"]) == ["7", "14"])
    #expect(try chunks(["--quiet"]) == [])
  }

  @Test func theTableOfEvaluating() throws {
    _ = try Program.text(["train", Program.train, "--model", model, "--quiet"] + Self.predictors)
    let arguments = [
      "evaluate", "--model", model, Program.test, "--frozen", "--quiet", "--recall-at", "3,64",
    ]
    let json = try Program.json(arguments)
    for stage in Self.stages {
      let table = try PrintedTable(
        try Program.text(arguments + ["--stage", stage]), beginning: "stage")
      #expect(table.header == ["stage", "predictor", "recall@3", "recall@64", "log loss, bits"])
      try expectAccuracy(table, shows: json, [stage])
      for name in Program.counting { #expect(json["recall"][stage][name]["64"].number == 1) }
    }
  }

  private func expectAccuracy(
    _ table: PrintedTable, shows json: JSONValue, _ stages: [String]
  ) throws {
    let rows = stages.flatMap { stage in Program.counting.map { [stage, $0] } }
    try #require(table.rows.map { Array($0.prefix(2)) } == rows)
    for (row, place) in rows.enumerated() {
      let recall = json["recall"][place[0]][place[1]]
      #expect(recall.keys.count + 3 == table.header.count)
      for n in recall.keys { try table.expect(row, "recall@\(n)", shows: recall[n].number, 4) }
      try table.expect(
        row, "log loss, bits", shows: json["log_loss_bits"][place[0]][place[1]].number, 3)
    }
  }

  /// Values, and the ends of their intervals, of every stage.
  @Test func comparedWithIntervals() throws {
    let reference = try Self.reference.get()
    let arguments = [
      "compare", "--predictors", Program.counting.joined(separator: ","), Program.test,
    ]
    let json = try Program.json(arguments)
    expect(json["layers"], is: reference["alone"])
    let places = Self.stages.flatMap { stage in Program.counting.map { (stage, $0) } }
    let lines = json["lines"].array
    try #require(lines.count == places.count)
    for (line, (stage, name)) in zip(lines, places) {
      #expect(line["stage"].text == stage && line["predictor"].text == name)
      let (value, ends) = (
        reference["alone"]["stages"][stage][name], reference["intervals"][stage][name]
      )
      for n in ["1", "8", "16", "32"] {
        expect(line["recall"][n], value["recall"][n], ends["recall"][n], within: 1e-12)
      }
      expect(line["log_loss_bits"], value["log_loss_bits"], ends["log_loss_bits"], within: 1e-7)
    }
    for only in Self.stages {
      let table = try PrintedTable(
        try Program.text(arguments + ["--stage", only]), beginning: "stage")
      let kept = lines.filter { $0["stage"].text == only }
      try #require(table.rows.count == kept.count)
      for (row, line) in zip(table.rows, kept) {
        #expect(row[0] == only && row[1] == line["predictor"].text)
        for (cell, figure) in zip(
          row.dropFirst(2),
          ["1", "8", "16", "32"].map { line["recall"][$0] } + [line["log_loss_bits"]])
        {
          let numbers = cell.split { " [],".contains($0) }
          try #require(numbers.count == 3)
          #expect(shows(numbers[0], figure["value"].number, 4))
          #expect(shows(numbers[1], figure["low"].number, 3))
          #expect(shows(numbers[2], figure["high"].number, 3))
        }
      }
    }
  }

  private func expect(
    _ figure: JSONValue, _ value: JSONValue, _ ends: JSONValue, within difference: Double
  ) {
    #expect(abs(figure["value"].number - value.number) <= difference)
    #expect(abs(figure["low"].number - ends[0].number) <= difference)
    #expect(abs(figure["high"].number - ends[1].number) <= difference)
    #expect(figure["low"].number < figure["value"].number)
    #expect(figure["value"].number < figure["high"].number)
  }
}
