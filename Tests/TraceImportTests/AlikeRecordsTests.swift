import RoutingTrace
import TestSupport
import Testing

@testable import TraceImport

/// Records that are written as the one before them are read without a parser: whatever stands in one,
/// it must mean what it means among records that are written in another way.
@Suite struct AlikeRecordsTests {
  /// The requests of a file, or what is wrong with it.
  private func outcome(
    _ text: String, _ format: ForeignFormat, topK: Int? = nil, readsWeights: Bool = true
  ) -> String {
    var options = ImportOptions(
      experts: 8, topK: topK, prefill: format == .atlas ? nil : 0)
    options.readsWeights = readsWeights
    do {
      let requests = try importText(text, named: "log.jsonl", format: format, options: options)
      return "\(requests)".replacing(/[0-9A-F-]{36}/, with: "")
    } catch {
      // The folder's name is another one every time.
      return "\(error)".replacing(/^.*\/log\.jsonl/, with: "log.jsonl")
    }
  }

  // MARK: an event a line

  private static let values = [
    "token_idx": "0", "layer": "1", "topk_ids": "[5, 2]", "topk_weights": "[0.5, 0.25]",
    "req_id": "\"r1\"",
  ]

  /// A record with such values; keys in one order or in another.
  private static func record(_ values: [String: String], reversed: Bool = false) -> String {
    let keys = ["req_id", "token_idx", "layer", "topk_ids", "topk_weights"]
    let fields = (reversed ? keys.reversed() : keys).map { "\"\($0)\": \(values[$0] ?? "null")" }
    return "{\"type\": \"route\", " + fields.joined(separator: ", ") + "}\n"
  }

  private static let odd: [(key: String, values: [String])] = [
    (
      "layer",
      ["2", "1.0", "01", "-1", "65535", "65536", "99999999", "\"1\"", "null", "1e0", "+1", ""]
    ),
    ("token_idx", ["7", "1234567", "12345678", "2147483648", "-0", "0x1"]),
    (
      "topk_ids",
      [
        "[7, 1]", "[5]", "[5, 2, 3]", "[5, -1]", "[8, 1]", "[9, 1]", "[null, 2]", "[5, 5]",
        "[05, 2]",
        "[5.0, 2]", "[]", "null", "[ 5 , 2 ]", "[5, 2,]", "[5 2]", "[5,2]", "[5, 20000]",
        "[\"5\", 2]",
      ]
    ),
    (
      "topk_weights",
      [
        "[0.1, 0.3]", "[0.5]", "[NaN, 0.5]", "[1e-3, 2E-4]", "[.5, 1]", "[5., 1]", "[00.5, 1]",
        "[0.\(String(repeating: "12345678", count: 10)), 0.1]", "[1e400, 0.1]", "[1e-400, 0.1]",
        "[-0.5, -0.25]", "[\"a\", 1]", "null", "[true, 0.1]", "[0.50048828125000001, 0.25]",
        "[0.37037037037037035, 0.00006103515625]", "[1, 0]", "[0.5, 0.25", "[]", "[Infinity, 0]",
        "[1.e5, 0.5]", "[- 1, 0]", "[0.25 , 0.5]",
      ]
    ),
    (
      "req_id",
      [
        "\"r2\"", "\"r\\u0031\"", "\"r\u{E9}\"", "\"r\\\"1\"", "17", "null", "true", "\"\"",
        "\"r\t\"",
        "1.50", "[1]", "\"r1",
      ]
    ),
  ]

  @Test(arguments: [true, false]) func eventsMeanTheSameInAnyWriting(readsWeights: Bool) {
    let usual = Self.record(Self.values)
    let turned = Self.record(Self.values, reversed: true)
    for (key, values) in Self.odd {
      for value in values {
        let record = Self.record(Self.values.merging([key: value]) { $1 })
        let alike = outcome(usual + usual + record + usual, .vllmLogger, readsWeights: readsWeights)
        let other = outcome(
          turned + turned + record + usual, .vllmLogger, readsWeights: readsWeights)
        #expect(alike == other, "\(key): \(value)")
      }
    }
  }

  /// What stands around the values, or in keys of which nothing is wanted.
  @Test func linesMeanTheSameInAnyWriting() {
    let usual = Self.record(Self.values).replacing("}\n", with: ", \"t\": 0.5, \"s\": \"a\"}\n")
    let turned = Self.record(Self.values, reversed: true)
    let lines = [
      usual.replacing("}", with: "} "), usual.replacing("}", with: "} x"),
      usual.replacing("}", with: ""), usual.replacing("}", with: ",}"),
      usual.replacing("\"layer\"", with: "\"l\\u0061yer\""),
      usual.replacing("\"layer\": 1", with: "\"layer\": 1, \"layer\": 2"),
      usual.replacing("\"route\"", with: "\"routing\""),
      usual.replacing("\"route\"", with: "\"meta\""),
      usual.replacing("0.5,", with: "0.5.1,"), usual.replacing("\"t\": 0.5", with: "\"t\": -"),
      usual.replacing("\"a\"", with: "\"a\\\"\""), usual.replacing("\"a\"", with: "{\"b\": [1]}"),
      usual.replacing("\"a\"", with: "\"\u{1F600}\""), usual.replacing(": ", with: " :\t"),
      usual.replacing("\n", with: "\r\n"), "\n" + usual, " " + usual,
    ]
    for line in lines {
      #expect(
        outcome(usual + usual + line + usual, .vllmLogger)
          == outcome(turned + turned + line + usual, .vllmLogger), "\(line)")
    }
  }

  // MARK: rows of a layer a line

  @Test func rowsMeanTheSameInAnyWriting() {
    func record(_ rows: String) -> String {
      "{\"layer\": 0, \"topk_experts\": \(rows), \"request_id\": 0}\n"
    }
    func turned(_ rows: String) -> String {
      "{\"request_id\": 0, \"topk_experts\": \(rows), \"layer\": 0}\n"
    }
    let usual = "[[5, 2], [0, 7]]"
    #expect(
      outcome(record(usual) + record(usual), .layerRows).contains("ids: [5, 2, 0, 7, 5, 2, 0, 7]"))
    for rows in [
      "[[5, 2]]", "[[1, 2], [3, 4], [5, 6]]", "[[5, 2], [0]]", "[[5, 2], [0, 7, 1]]", "[]", "null",
      "[[]]",
      "[[5, 2] [0, 7]]", "[[5, 2], [0, 9]]", "[[5, 2], [0, -1]]", "[[5, 2], null]", "[[5,2],[0,7]]",
      "[[5, 2], [0, 7],]", "[5, 2]", "[[5, 2], [0, 7]",
    ] {
      #expect(
        outcome(record(usual) + record(usual) + record(rows) + record(usual), .layerRows)
          == outcome(turned(usual) + turned(usual) + record(rows) + record(usual), .layerRows),
        "\(rows)")
    }
  }

  /// Lines of which no two neighbours are written alike: the parser must not be left without a pattern
  /// for good, nor a pattern be taken for another line's.
  @Test func manyWritingsInOneFile() {
    var mixed = ""
    var plain = ""
    for token in 0..<1200 {
      var values = Self.values
      values["token_idx"] = "\(token)"
      values["topk_ids"] = "[\(token % 8), \((token + 1) % 8)]"
      mixed += Self.record(values, reversed: token % 2 == 0 && token % 300 < 200)
      plain += Self.record(values)
    }
    #expect(outcome(mixed, .vllmLogger) == outcome(plain, .vllmLogger))
    #expect(outcome(plain, .vllmLogger).contains("ids: [0, 1, 1, 2, 2, 3,"))
  }

  // MARK: activations

  /// A trace of such activations; `fields` stand before them.
  private func trace(_ activations: [String], _ fields: String) -> String {
    "{\(fields)\"top_k\": 2, \"activations\": [\(activations.joined(separator: ", "))]}\n"
  }

  private func activation(
    _ layer: String, _ token: String, _ expert: String, _ weight: String
  ) -> String {
    "{\"layer\": \(layer), \"token_idx\": \(token), \"expert_idx\": \(expert), "
      + "\"gate_weight\": \(weight)}"
  }

  /// The outcome of a text of traces that is plain, and of the same with an object that nobody wants.
  private func outcomes(_ text: (_ fields: String) -> String) -> (plain: String, parsed: String) {
    let (plain, parsed) = (
      outcome(text(""), .atlas), outcome(text("\"meta\": {\"seed\": 1}, "), .atlas)
    )
    return (
      plain.replacing(/byte \d+/, with: "byte"), parsed.replacing(/byte \d+/, with: "byte")
    )
  }

  @Test func activationsMeanTheSameInAnyWriting() {
    let usual = activation("0", "0", "5", "0.5")
    let second = activation("0", "0", "2", "0.25")
    for odd in [
      second, activation("1", "0", "2", "0.25"), activation("65534", "0", "2", "0.25"),
      activation("65535", "0", "2", "0.25"), activation("0", "0", "8", "0.25"),
      activation("0", "0", "9", "0.25"), activation("0", "0", "-1", "0.25"),
      activation("0", "0", "null", "0.25"), activation("0", "12345678", "2", "0.25"),
      activation("0", "0", "2", "NaN"), activation("0", "0", "2", "null"),
      activation("0", "0", "2.0", "0.25"), activation("0", "0", "2", "0.25, \"layer\": 1"),
      activation("0", "\"0\"", "2", "0.25"), "{\"layer\": 0, \"token_idx\": 0}", "null",
      second.replacing(" ", with: ""), usual + " " + second, second.replacing("}", with: ""),
    ] {
      let (plain, parsed) = outcomes { trace([usual, odd], $0) }
      #expect(plain == parsed, "\(odd)")
      let (first, firstParsed) = outcomes { trace([odd, usual], $0) }
      #expect(first == firstParsed, "\(odd)")
    }
    let (plain, parsed) = outcomes { trace([usual, second], $0) }
    #expect(plain.contains("ids: [5, 2], weights: Optional([0.5, 0.25])") && plain == parsed)
  }

  /// What else a trace has, and where it ends.
  @Test func tracesMeanTheSameInAnyWriting() {
    let events = [activation("0", "0", "5", "0.5"), activation("0", "0", "2", "0.25")]
    for fields in [
      #""token_strs": ["a", "\u0120b", "\"", "é"], "#, #""token_strs": ["\x"], "#,
      #""token_strs": ["\u12"], "#, #""token_strs": ["a" "b"], "#, "\"token_strs\": [\"a\tb\"], ",
      #""token_strs": [], "#, #""loss": [1.5, -2e3], "kept": true, "name": null, "#,
      #""num_experts": 8, "#, #""num_experts": 0, "#, #""num_experts": 40000, "#,
      #""num_experts": null, "#, #""top_k": 65, "#, #""routing": "soft", "#,
      #""activations": [], "#, #""traces": [], "#, #""n": 01, "#, #""n": , "#, ", ",
    ] {
      let (plain, parsed) = outcomes { trace(events, $0 + fields) }
      #expect(plain == parsed, "\(fields)")
    }
    for end in ["\n\n", "  ", "x", "{}", "]", "\r\n\r\n", "\0"] {
      let (plain, parsed) = outcomes { trace(events, $0) + end }
      #expect(plain == parsed, "\(end)")
      let (listed, listedParsed) = outcomes {
        "{\($0)\"traces\": [\(trace(events, "")), \(trace(events, ""))]}" + end
      }
      #expect(listed == listedParsed, "\(end)")
    }
    let (two, _) = outcomes { trace(events, $0) + trace(events, $0) }
    #expect(two.ranges(of: "ids: [5, 2]").count == 2)
  }

  // MARK: events in objects

  /// Whatever stands in the second of three tokens, or beside them, it means what it means in a file that
  /// is not plain.
  @Test(arguments: [true, false]) func filesMeanTheSameInAnyWriting(readsWeights: Bool) {
    func event(_ ids: String, _ weights: String) -> String {
      #"{"selected_experts": \#(ids), "selected_probs": \#(weights)}"#
    }
    let usual = event("[3, 1]", "[0.75, 0.25]")
    let layers = #""layer_0": \#(usual), "layer_2": \#(usual)"#
    func file(_ token: String, _ fields: String) -> String {
      let tokens = ["{\"token_1\": {\(layers)}}", token, "{\"token_3\": {\(layers)}}"]
      return #"{\#(fields)"row_index": 27, "dataset": "gpqa", "category": "Physics", "#
        + #""input": "a\nb \u00e9 é", "router_data": [\#(tokens.joined(separator: ", "))]}"#
    }
    func outcomes(_ token: String, _ fields: String = "") -> (plain: String, parsed: String) {
      let (plain, parsed) = (
        outcome(
          file(token, fields), .gptOSS, topK: 2, readsWeights: readsWeights),
        outcome(
          file(token, "\"meta\": {\"seed\": 1}, " + fields), .gptOSS, topK: 2,
          readsWeights: readsWeights)
      )
      return (
        plain.replacing(/byte \d+/, with: "byte"), parsed.replacing(/byte \d+/, with: "byte")
      )
    }
    let second = "{\"token_2\": {\(layers)}}"
    let tokens = [
      second, "null", "{}", "{\"token_2\": null}", "{\"token_2\": {}}",
      "{\"token_2\": {\"layer_0\": \(usual)}}", "{\"token_2\": {\(layers), \"layer_3\": \(usual)}}",
      "{\"token_2\": {\"layer_2\": \(usual), \"layer_0\": \(event("[5, 6]", "[0.5, 0.5]"))}}",
      "{\"token_2\": {\(layers)}, \"token_3\": {\(layers)}}",
      second.replacing("layer_2", with: "layer_0"), second.replacing("layer_2", with: "layer_x"),
      second.replacing("layer_2", with: "layer_02"),
      "{\"token_2\": {\"layer_0\": null, \"layer_2\": \(usual)}}",
    ]
    let events = [
      event("[5]", "[1.0]"), event("[5, 6, 7]", "[0.5, 0.25, 0.25]"), event("[5, -1]", "[0.5, 0]"),
      event("[5, 6]", "[0.5]"), event("[5, 6]", "[0.5, NaN]"), event("[5, 6]", "[0.5, null]"),
      event("[5, 6]", "[1e-3, 0.37037037037037035]"), event("[9, 6]", "[0.5, 0.5]"),
      event("[5, 6]", "null"), event("null", "null"), event("[]", "[]"),
      #"{"selected_experts": [5, 6]}"#, #"{"selected_probs": [0.5, 0.5]}"#,
      event("[5, 6]", "[0.5, 0.5]").replacing("}", with: ", \"selected_experts\": [1, 2]}"),
      event("[5,6]", "[0.5,0.5]"),
      event("[5, 6]", "[0.5, 0.5]").replacing("}", with: ", \"x\": 1}"),
    ].map { "{\"token_2\": {\"layer_0\": \($0), \"layer_2\": \(usual)}}" }
    for token in tokens + events {
      let (plain, parsed) = outcomes(token)
      #expect(plain == parsed, "\(token)")
    }
    for fields in [
      #""router_data": [], "#, #""routing": "x", "#, #""dataset": null, "#, #""dataset": 5, "#,
      #""n": [1, 2], "t": ["a", "\q"], "#, #""dataset": "\u0041", "#, #""row_index": [1], "#,
    ] {
      let (plain, parsed) = outcomes(second, fields)
      #expect(plain == parsed, "\(fields)")
    }
    let indented = file(second, "").replacing(", ", with: ",\n          ")
      .replacing("[", with: "[\n            ").replacing("]", with: "\n          ]")
    #expect(
      outcome(indented, .gptOSS, topK: 2, readsWeights: readsWeights) == outcomes(second).plain)
    let weights = readsWeights ? "Optional([0.75, 0.25, 0.75, 0.25," : "nil"
    #expect(outcomes(second).plain.contains("weights: \(weights)"))
    #expect(outcomes(second).plain.contains("task: \"gpqa/Physics\""))
  }
}
