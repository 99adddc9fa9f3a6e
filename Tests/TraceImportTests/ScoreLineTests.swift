import RoutingTrace
import Testing

@testable import TraceImport

@Suite struct ScoreLineTests {
  /// What a line holds, or what is wrong with it.
  private func parse(_ text: String, topK: Int = 1) -> (line: ScoreLine, problem: String?) {
    var line = ScoreLine()
    // Another line follows, of which nothing is to be taken.
    let next = Array("\n7\t0.5\t00\t\t0.25\t".utf8)
    let bytes = Array(text.utf8) + Array(repeatElement(next, count: 5).joined())
    let problem = bytes.withUnsafeBytes {
      line.parse(
        UnsafeRawBufferPointer(rebasing: $0.prefix(text.utf8.count)), topK: topK,
        readsWeights: true)
    }
    return (line, problem?.text)
  }

  /// Fields of every length, among them those that only the careful way takes, at every place of what
  /// is looked at at once.
  @Test func everyFieldIsReadAsTheStandardLibraryReadsIt() {
    let numbers = ["0", "7", "42", "063", "255", "4095", "12345", "0000009", "-1", "65533"]
    let decimals = [
      "0.5", "0.0414", "0.37037036", "0.123456789", "0.1234567890123456789", "1", "0", "1.5",
      "2e-1", "0.00000001", "0.99999999", "00.25", ".5", "-0.25", "0.00001", "0.1754386",
    ]
    for shift in 0..<40 {
      let ids = (0..<120).map { numbers[($0 * 7 + shift * 3 + $0 / 11) % numbers.count] }
      let weights = (0..<120).map { decimals[($0 * 5 + shift + $0 / 13) % decimals.count] }
      let (line, problem) = parse(
        ids.joined(separator: "\t") + "\t\t" + weights.joined(separator: "\t"))
      #expect(problem == nil)
      #expect(line.ids == ids.map { $0 == "-1" ? TokenBlock.emptySlot : UInt16($0) })
      #expect(line.weights == weights.map { Double($0).map { Float16($0) } })
    }
  }

  @Test(arguments: [
    ("1\t2\t\t0.5", "1 gate weights for 2 ids"), ("1\t2\t\t", "a gate weight is not a number"),
    ("1\t2\t", "0 gate weights for 2 ids"),
    ("1\t2", "two tabs between ids and gate weights are missing"),
    ("1\t2\t\t0.5\t", "a gate weight is not a number"),
    ("1\t2\t\t0.5\t\t0.5", "a gate weight is not a number"),
    ("1\t2\t\t0.5\t0.5.5", "a gate weight is not a number"),
    ("1\t2\t\t0..5\t0.5", "a gate weight is not a number"),
    ("1\t 2\t\t0.5\t0.5", "an expert id is not a whole number"),
    ("1\t2\r\t\t0.5\t0.5", "an expert id is not a whole number"),
    ("\t\t0.5", "a gate weight is not a number"), ("\t0.5", "1 gate weights for 0 ids"),
    ("\t-1\t0", "2 gate weights for 0 ids"), ("1\t2\t\t0", "1 gate weights for 2 ids"),
  ])
  func whatIsWrong(_ text: String, problem: String) {
    #expect(parse(text).problem == problem)
  }
}
