import Foundation
import Prequential
import RoutingTrace
import SystemPackage
import TestSupport
import Testing

@testable import moecast

/// An engine's questions, answered line by line.
@Suite struct LiveForecastTests {
  private static func door(
    learns: Bool = false, live: Int = 4096
  ) throws -> LiveForecast {
    let shape = try TraceShape(modelLayers: [1, 3], experts: 8, topK: 2)
    let learner = try Learner(
      shape: shape, predictors: ["frequency", "layer-markov"], liveRequests: live)
    return try LiveForecast(
      learner, of: 1, learns: learns, ranking: ForecastRanking(top: 2))
  }

  private func ask(_ door: inout LiveForecast, _ lines: String...) -> [String] {
    lines.map { door.answer(to: .text($0)) }
  }

  @Test func aTokenIsFollowed() throws {
    var door = try Self.door(learns: true)
    let answers = ask(
      &door, #"{"request": 7, "stage": "prefill"}"#,
      #"{"request": 7, "layer": 1, "experts": [5, 2]}"#,
      #"{"request": 7, "layer": 3, "experts": [0, 6]}"#, #"{"request": 7}"#,
      #"{"request": 7, "layer": 1, "experts": [5, 2]}"#, #"{"request": 7, "end": true}"#)
    #expect(
      answers == [
        #"{"request": 7, "token": 0, "stage": "prefill", "layer": 1, "horizon": 1, "#
          + #""experts": [0, 1], "chances": [0.125, 0.125]}"#,
        #"{"request": 7, "token": 0, "stage": "prefill", "layer": 3, "horizon": 1, "#
          + #""experts": [0, 1], "chances": [0.125, 0.125]}"#,
        #"{"request": 7, "token": 0, "closed": true}"#,
        // Both were counted once: (1 + 1/2) / (2 + 8/2).
        #"{"request": 7, "token": 1, "stage": "decode", "layer": 1, "horizon": 1, "#
          + #""experts": [2, 5], "chances": [0.25, 0.25]}"#,
        // Rows of 2 and 5 hold 0 and 6 once: (1 + 2 * .25) / (2 + 2).
        #"{"request": 7, "token": 1, "stage": "decode", "layer": 3, "horizon": 1, "#
          + #""experts": [0, 6], "chances": [0.375, 0.375]}"#,
        #"{"request": 7, "ended": true}"#,
      ])
  }

  /// A choice may open its token itself.
  @Test func aChoiceOpensItsToken() throws {
    var door = try Self.door()
    let answers = ask(&door, #"{"request": 1, "layer": 1, "experts": []}"#)
    #expect(answers[0].hasPrefix(#"{"request": 1, "token": 0, "stage": "decode", "layer": 3, "#))
  }

  @Test(arguments: [
    ("x", "not a JSON object"), ("[]", "not a JSON object"), ("{}", "not a JSON object"),
    (#"{"request": -1}"#, "not a JSON object"), (#"{"request": "a"}"#, "not a JSON object"),
    (#"{"request": 9, "end": true}"#, "request 9 is not under way"),
    (#"{"request": 7, "stage": "later"}"#, "stage is prefill or decode"),
    (#"{"request": 7, "stage": "decode"}"#, "its stage was told"),
    (#"{"request": 7, "layer": 1, "experts": [1, 2]}"#, "layer 1 is out of order; layer 3 is next"),
    (#"{"request": 7, "layer": 3}"#, "a layer without experts"),
    (#"{"request": 7, "experts": [1]}"#, "experts without a layer"),
    (#"{"request": 7, "layer": 3, "experts": [1, 2, 3]}"#, "3 experts; a token takes 2 at most"),
    (#"{"request": 7, "layer": 3, "experts": [8]}"#, "expert 8 is outside 0 to 7"),
    (#"{"request": 7, "layer": 3, "experts": [-1]}"#, "expert -1 is outside 0 to 7"),
    (#"{"request": 7, "layer": 3, "experts": [2, 2]}"#, "an expert twice"),
    (#"{"request": 8, "layer": 3, "experts": [1]}"#, "layer 3 is out of order; layer 1 is next"),
  ])
  func whatCannotBeUsedChangesNothing(_ line: String, problem: String) throws {
    var door = try Self.door(learns: true)
    var other = try Self.door(learns: true)
    let first = #"{"request": 7, "layer": 1, "experts": [5, 2]}"#
    _ = ask(&door, first)
    _ = ask(&other, first)
    let answer = ask(&door, line)[0]
    #expect(answer.hasPrefix(#"{"error": ""#) && answer.hasSuffix(#""line": 2}"#))
    #expect(answer.contains(problem), "\(answer)")
    let last = [
      #"{"request": 7, "layer": 3, "experts": [4]}"#, #"{"request": 7}"#,
      #"{"request": 8, "stage": "prefill"}"#,
    ]
    for line in last { #expect(ask(&door, line) == ask(&other, line), "\(line)") }
  }

  /// The request that was asked of longest ago makes room.
  @Test func requestsThatNeverEndAreForgotten() throws {
    var door = try Self.door(live: 2)
    _ = ask(
      &door, #"{"request": 1}"#, #"{"request": 2}"#,
      #"{"request": 1, "layer": 1, "experts": [3]}"#, #"{"request": 3}"#)
    let answers = ask(&door, #"{"request": 2, "end": true}"#, #"{"request": 1, "end": true}"#)
    #expect(answers[0].contains("request 2 is not under way"))
    #expect(answers[1] == #"{"request": 1, "ended": true}"#)
  }

  @Test func linesAreBoundedAndTheRestGoesOn() throws {
    let (reading, writing) = try FileDescriptor.pipe()
    defer { try? reading.close() }
    let text = "one\r\n" + String(repeating: "x", count: 50) + "\n\nlast"
    _ = try writing.writeAll(text.utf8)
    try writing.close()
    var lines = LineInput(reading, limit: 20)
    var read: [LineInput.Line] = []
    while let line = try lines.next() { read.append(line) }
    #expect(read == [.text("one"), .tooLong, .text(""), .text("last")])
  }
}
