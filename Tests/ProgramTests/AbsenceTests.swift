import Foundation
import TestSupport
import Testing

/// What the program says where nothing was recorded: at import, of the trace, and where it is
/// learnt from.
struct AbsenceTests {
  /// A prompt of three tokens in two layers of eight experts, top-2: of the second token nothing is
  /// told, of the third one event and one slot. Four decoded tokens, the last without a route.
  private static let request = """
    [{"3": [[1, 2], [-1, -1], [5]], "5": [[7, 0], [0, 0], []]},
     {"3": [[4, 1]], "5": [[6, 2]]}, {"3": [[5, 3]], "5": [[3, 1]]}, {"3": [[2, 0]], "5": [[1, 4]]},
     {"3": null}]
    """

  /// What a run complains of on standard error.
  private func complaints(_ arguments: [String]) throws -> String {
    try run(["sh", "-c", "\"$@\" 2>&1 >/dev/null", "sh", BuiltProgram.path] + arguments)
  }

  @Test func whatIsAbsentIsTold() throws {
    let folder = try TemporaryFolder()
    let input = try folder.write(Array(Self.request.utf8), to: "1.json")
    let trace = folder.file("out.moe.lz4")
    let arguments = ["import", "--experts", "8", "--force", "-o", trace, input]
    let summary = try Program.json(arguments)
    // Token 1 has two events and token 2 one; its other event lacks a slot.
    let absent = #"{"tokens": 1, "events": 3, "slots": 1}"#
    expectAll(
      of: try JSONValue(
        parsing: """
          {"requests": 1, "tokens": 6, "events": 12, "absent": \(absent), "trailing_tokens": 1,
          "empty_requests": 0, "warm_up_tokens": 0, "warm_up_dropped": false, "remarks": []}
          """), in: summary)
    #expect(
      try complaints(arguments) == """
        moecast: not recorded: 1 token, 3 events, 1 single slot; these stay empty and are passed over
        moecast: 1 token without a route at the end of requests, left out

        """)
    expectAll(
      of: try JSONValue(parsing: #"{"tokens": 6, "absent": \#(absent)}"#),
      in: try Program.json(["inspect", trace]))
    #expect(
      try Program.text(["inspect", trace]).contains(
        "absent      1 token, 3 events, 1 single slot\n"))
    let model = folder.file("model.h5")
    for command in [
      ["train", "--predictors", "frequency", "--model", model], ["evaluate", "--model", model],
      ["compare", "--predictors", "frequency"], ["analyze"],
    ] {
      let known =
        command[0] == "evaluate"
        ? "moecast: 1 of 1 chunks are ones that the model had learnt before; figures over them tell "
          + "what it remembers, not how it forecasts what is new\n" : ""
      #expect(
        try complaints(command + [trace])
          == "moecast: not recorded: 1 token, 3 events, 1 single slot; these are passed over, "
          + "neither scored nor learnt\n" + known, "\(command)")
    }
    let figures = try Program.json(["train", "--predictors", "frequency", trace])
    // Three of the prompt's six events are absent, and none of the six decoded ones.
    expectAll(
      of: try JSONValue(
        parsing: #"{"events": {"prefill": 3, "decode": 6, "all": 9}, "absent": \#(absent)}"#),
      in: figures)
  }

  @Test func aWarmUpIsToldAndLeftOutWhenAsked() throws {
    let folder = try TemporaryFolder()
    let steps = (0..<50).map { token in
      let id = token < 40 ? 3 : token % 8
      return "{\"1\": [[\(id), \((id + 1) % 8)]], \"2\": [[\((id + 2) % 8), \((id + 5) % 8)]]}"
    }
    let input = try folder.write(
      Array("[{\"1\": [], \"2\": []}, \(steps.joined(separator: ", "))]".utf8), to: "1.json")
    let arguments = [
      "import", "--experts", "8", "--force", "-o", folder.file("out.moe.lz4"), input,
    ]
    #expect(
      try complaints(arguments)
        == "moecast: the first 40 tokens are identical, as an engine's warm-up writes them; "
        + "leave them out with --drop-warm-up\n")
    expectAll(
      of: try JSONValue(parsing: #"{"tokens": 10, "warm_up_tokens": 40, "warm_up_dropped": true}"#),
      in: try Program.json(arguments + ["--drop-warm-up"]))
  }

  @Test func aRecordingOfNothingWritesNothing() throws {
    let folder = try TemporaryFolder()
    let steps = (0..<40).map { "{\"1\": [[2, 5]], \"2\": [[\($0 % 8), \(($0 + 1) % 8)]]}" }
    let input = try folder.write(
      Array("[{\"1\": [], \"2\": []}, \(steps.joined(separator: ", "))]".utf8), to: "1.json")
    let trace = folder.file("out.moe.lz4")
    let arguments = ["import", "--experts", "8", "-o", trace, input]
    let refusal = #expect(throws: CommandError.self) { try Program.text(arguments) }
    #expect(
      refusal?.description.contains(
        "layer 1: all 40 tokens choose the same experts (2, 5): the engine recorded nothing there")
        == true)
    #expect(!FileManager.default.fileExists(atPath: trace))
    expectAll(
      of: try JSONValue(parsing: #"{"tokens": 40}"#),
      in: try Program.json(arguments + ["--keep-constant"]))
  }
}
