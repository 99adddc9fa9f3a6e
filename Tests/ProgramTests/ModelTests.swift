import Foundation
import TestSupport
import Testing

/// `inspect`, `merge`, `export` and `sample`, against counts and draws made anew in numpy.
@Suite(.enabled(if: Reference.isPresent, "\(Reference.absence)"))
struct ModelTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @discardableResult
  private func train(_ traces: [String], _ name: String, _ predictors: String) throws -> JSONValue {
    try Program.json(
      ["train"] + traces + ["--model", folder.file(name), "--predictors", predictors])
  }

  private func export(_ model: String) throws -> (npz: String, csv: String) {
    for (format, output) in [("npz", "t.npz"), ("csv", "tables")] {
      _ = try Program.text([
        "export", "--model", folder.file(model), "--to", format, "-o", folder.file(output),
      ])
    }
    return (folder.file("t.npz"), folder.file("tables"))
  }

  @Test func exportedTablesAreThoseOfTheTrace() throws {
    try train([Program.test], "m.h5", "frequency,layer-markov,token-markov")
    let (npz, csv) = try export("m.h5")
    #expect(try Reference.text("tables.py", [npz, csv, Program.test]) == "")
    #expect(try Reference.text("tables.py", [npz, csv, Program.train]) != "")
  }

  /// Either order gives the same bytes and the tables of both traces. What the shards reached is
  /// not told as the merged model's.
  @Test func mergingAddsUp() throws {
    let predictors = Program.counting.joined(separator: ",")
    try train([Program.train], "a.h5", predictors)
    try train([Program.test], "b.h5", predictors)
    let (a, b) = (folder.file("a.h5"), folder.file("b.h5"))
    let merged = try Program.json(["merge", a, b, "-o", folder.file("ab.h5")])
    _ = try Program.text(["merge", b, a, "-o", folder.file("ba.h5")])
    #expect(try folder.bytes(of: "ab.h5") == folder.bytes(of: "ba.h5"))
    let (npz, csv) = try export("ab.h5")
    #expect(try Reference.text("tables.py", [npz, csv, Program.train, Program.test]) == "")
    #expect(merged["requests"].number == 56)
    #expect(merged["tokens"].number == 10_024)
    #expect(merged["events"].number == 120_288)
    #expect(merged["accuracy"].array.isEmpty)
    try #require(merged["past"].array.count == 1)
    #expect(merged["past"].array[0]["streams"].number == 2)
    #expect(merged["past"].array[0]["tokens"].number == 10_024)
    let text = try Program.text(["merge", a, b, "-o", folder.file("c.h5")])
    for line in [
      "requests    56, 0 live",
      "from        a merge of 2 streams: 56 requests, 10,024 tokens, 21 chunks",
      "accuracy    not known: it has learnt nothing since; `moecast evaluate` measures it",
    ] { #expect(text.contains(line + "\n"), "\(text)") }
    #expect(try Program.text(["inspect", folder.file("ab.h5")]) == text)
  }

  private func expectTable(_ text: String, shows facts: JSONValue) throws {
    let table = try PrintedTable(text, beginning: "predictor")
    for (row, own) in facts["accuracy"].array.enumerated() {
      #expect(table.rows[row][0] == own["predictor"].text)
      for n in own["recall"].keys {
        try table.expect(row, "recall@\(n)", shows: own["recall"][n].number, 4)
      }
      try table.expect(row, "log loss, bits", shows: own["log_loss_bits"].number, 3)
    }
  }

  /// What `inspect` tells of a model is what training printed; weights are means over the layers.
  @Test func aModelsFacts() throws {
    let trained = try train([Program.test], "m.h5", "frequency,mixture-fast")
    let arguments = ["inspect", "--verify", folder.file("m.h5")]
    let (facts, text) = (try Program.json(arguments), try Program.text(arguments))
    #expect(facts["kind"].text == "model" && facts["live_requests"].number == 0)
    for key in ["requests", "tokens"] { #expect(facts[key].number == trained[key].number) }
    #expect(facts["bytes"].number == Double(try folder.bytes(of: "m.h5").count))
    for own in facts["accuracy"].array {
      let name = try #require(own["predictor"].text)
      expectAll(of: trained["recall"]["all"][name], in: own["recall"], at: name)
      #expect(own["log_loss_bits"].number == trained["log_loss_bits"]["all"][name].number)
    }
    let weights = facts["weights"]["mixture-fast"]
    #expect(weights.keys.count > 1)
    for part in weights.keys {
      let layers = trained["layers"].array.map { $0["weights"]["mixture-fast"][part].number }
      let mean = layers.reduce(0, +) / 12
      #expect(abs(weights[part].number - mean) < 1e-6)
      #expect(text.contains("\(part) \(String(format: "%.2f", weights[part].number))"))
    }
    try expectTable(text, shows: facts)
    for line in ["requests    21, 0 live", "tokens      3,339", "events      40,068"] {
      #expect(text.contains(line + "\n"))
    }
  }

  /// A training that is stopped has requests under way.
  @Test func liveRequestsAreTold() throws {
    let model = folder.file("m.h5")
    _ = try Program.text([
      "train", Program.test, "--model", model, "--predictors", "frequency", "--stop-after", "2",
    ])
    let live = try Reference.text("live.py", [Program.test, "2"])
    let facts = try Program.json(["inspect", model])
    #expect(facts["live_requests"].number == Double(live) && facts["live_requests"].number > 0)
    #expect(try Program.text(["inspect", model]).contains(", \(live) live\n"))
  }

  @Test(arguments: ["frequency", "layer-markov", "token-markov", "layer-markov,token-markov"])
  func drawsFromCountsAreThoseOfTheRule(predictors: String) throws {
    try train([Program.test], "m.h5", predictors)
    let arguments = [
      "sample", "--model", folder.file("m.h5"), "--requests", "3", "--tokens", "40", "--prefill",
      "10", "--seed", "7", "-o", folder.file("drawn.moe.lz4"),
    ]
    let json = try Program.json(arguments)
    #expect(json["requests"].number == 3 && json["tokens"].number == 120)
    #expect(json["events"].number == 1440)
    let source = predictors.replacing(",", with: " x ")
    #expect(json["source"].text == source)
    #expect(
      try Reference.text(
        "drawing.py", [Program.test, folder.file("drawn.moe.lz4"), "40", "7", predictors]) == "")
    let text = try Program.text(arguments)
    #expect(
      text.hasPrefix("drawn from \(source): 3 requests, 120 tokens, 1,440 events; "))
    let facts = try Program.json(["inspect", folder.file("drawn.moe.lz4")])
    expectAll(of: try JSONValue(parsing: #"{"prefill": 30, "decode": 90}"#), in: facts["stages"])
  }

  /// The ids drawn from the shipped model's mixture, by the SHA-256 of what `contents.py` prints of
  /// them. Made by the program itself on 2026-11-25; the forecasts it draws from are held against
  /// the pass over chunks in `SessionTests`.
  @Test func drawsFromTheShippedMixture() throws {
    let drawn = folder.file("drawn.moe.lz4")
    _ = try Program.text([
      "sample", "--model", Program.model, "--requests", "4", "--tokens", "48", "--prefill", "16",
      "--seed", "7", "-o", drawn,
    ])
    let contents = try Reference.text("contents.py", [drawn])
    let sum = try run("sha256sum", try folder.write(Array(contents.utf8), to: "contents"))
    #expect(
      sum.prefix(64) == "b59b623f188e8c5ebb85ef0f9f6f37f01c01afe6299cae562cfb940236491d2f")
  }
}
