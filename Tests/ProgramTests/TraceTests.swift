import TestSupport
import Testing

/// `inspect` and `import` of traces.
struct TraceTests {
  @Test func theFactsOfATrace() throws {
    let facts = try Program.json(["inspect", "--verify", Program.train])
    let bytes = try Int(
      run("stat", "-c", "%s", Program.train).trimmingPrefix(while: \.isWhitespace)
        .filter { !$0.isWhitespace })
    expectAll(
      of: try JSONValue(
        parsing: """
          {"kind": "trace", "requests": 35, "tokens": 6685, "chunks": 14, "intact": true,
          "complete": true, "weights": false, "stages": {"prefill": 3360, "decode": 3325},
          "tasks": {"c": 5, "chinese": 5, "english": 5, "german": 5, "math": 5, "python": 5,
          "scripture": 5}, "bytes": \(bytes ?? -1), "shape": {"model": "tiny-moe", "layers": 12,
          "experts": 64, "top_k": 8, "model_layers": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]}}
          """), in: facts)
    let text = try Program.text(["inspect", "--verify", Program.train])
    for line in [
      "trace       tiny-moe: 12 MoE layers, top-8 of 64 experts", "model layers 0 to 11",
      "requests    35", "tokens      6,685 (prefill 3,360, decode 3,325)",
      "tasks       c 5, chinese 5, english 5, german 5, math 5, python 5, scripture 5",
      "chunks      14, 599.8 kB compressed", "weights     no", "intact      yes",
    ] { #expect(text.contains(line + "\n"), "\(line)") }
  }

  /// A prompt of two tokens and two that were decoded, in two layers of eight experts, top-1; and
  /// one request more.
  @Test(.enabled(if: Reference.isPresent, "\(Reference.absence)"))
  func whatIsImportedReadsBack() throws {
    let folder = try TemporaryFolder()
    let requests = [
      #"[{"3": [[1], [2]], "5": [[7], [0]]}, {"3": [[4]], "5": [[6]]}, {"3": [[5]], "5": [[3]]}]"#,
      #"[{"3": [[2]], "5": [[2]]}, {"3": [[1]], "5": [[0]]}]"#,
    ]
    let inputs = try requests.enumerated().map {
      try folder.write(Array($1.utf8), to: "\($0).json")
    }
    let bytes = requests.reduce(0) { $0 + $1.utf8.count }
    let output = folder.file("out.moe.lz4")
    let arguments =
      ["import", "--experts", "8", "--model", "small", "--chunk-tokens", "3", "-o", output] + inputs
    let json = try Program.json(arguments)
    expectAll(
      of: try JSONValue(
        parsing: """
          {"format": "paper-json", "guessed": true, "files": 2, "files_passed_over": 0,
          "requests": 2, "tokens": 6, "events": 12, "weights": false, "chunks": 2,
          "bytes_in": \(bytes), "bytes_out": \(try folder.bytes(of: "out.moe.lz4").count)}
          """), in: json)
    let text = try Program.text(arguments)
    let written = try folder.bytes(of: "out.moe.lz4").count
    #expect(
      text.hasPrefix(
        "paper-json (guessed): 2 requests, 6 tokens, 12 events in 2 chunks; \(bytes) B in, "
          + "\(written) B out, "))
    #expect(text.hasSuffix("; small: 2 MoE layers, top-1 of 8 experts\n"))
    #expect(
      try Reference.text("contents.py", [output]) == """
        layers [3, 5], top-1 of 8
        request 0, token 0, prefill: [[1], [7]]
        request 0, token 1, prefill: [[2], [0]]
        request 0, token 2, decode: [[4], [6]]
        request 0, token 3, decode: [[5], [3]]
        request 1, token 0, prefill: [[2], [2]]
        request 1, token 1, decode: [[1], [0]]

        """)
  }
}
