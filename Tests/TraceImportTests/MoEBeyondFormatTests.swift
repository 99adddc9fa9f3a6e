import RoutingTrace
import Testing

@testable import TraceImport

private let header = "Layer ID,Batch Number,Token,Activated Expert IDs\r\n"

/// Two layers of three tokens, the second token `a, "b"` with a line end in it.
private let sample =
  header + """
    1,0,<s>,"[3, 1]"\r
    1,0,"a, ""b""
    ","[0, 7]"\r
    1,0,c,"[2, 4]"\r
    2,0,<s>,"[5, 6]"\r
    2,0,"a, ""b""
    ","[1, 2]"\r
    2,0,c,"[7, 3]"\r

    """

@Suite struct MoEBeyondFormatTests {
  @Test func readsLayerMajorRows() throws {
    let requests = try importText(sample, named: "prompt_4_data.csv")
    #expect(
      requests == [
        RequestTrace(
          name: "prompt_4_data", prefill: 3, ids: [3, 1, 5, 6, 0, 7, 1, 2, 2, 4, 7, 3])
      ])
  }

  @Test func cutAnywhereIsATypedErrorOrTheWhole() throws {
    let bytes = Array(sample.utf8)
    let (taken, untyped) = try cutEverywhere(
      bytes, named: "a.csv", format: .moeBeyond, options: ImportOptions(experts: 8))
    // Cut between rows of the first layer it is a smaller trace, which only a given shape can tell
    // from a whole one; everywhere else the cut shows. The last line's end may lack.
    #expect(taken == [66, 67, 68, 92, 93, 94, 108, 109, 110, 168, 169, 170])
    #expect(untyped.isEmpty)
  }

  @Test(arguments: [
    ("1,0,a,\"[1]\"\n2,0,a,\"[9]\"\n", 0, 0, 2, "expert 9 is outside 0 to 7"),
    (
      "1,0,a,\"[1]\"\n2,0,a,\"[70000]\"\n", 0, 0, 2,
      "an expert id of more than four digits is outside 0 to 7"
    ),
    ("1,0,a,\"[1]\"\n1,0,b,\"[2]\"\n2,0,a,\"[3]\"\n", 4, 0, 2, "the layer has 1 tokens"),
    ("1,0,a,\"[1]\"\n2,0,b,\"[2]\"\n", 3, 0, 2, "the token is another one"),
    ("1,0,a,\"[1]\"\n2,0,a,\"[2]\"\n1,0,a,\"[2]\"\n", 4, 0, 2, "layer 1 begins again"),
    ("1,0,a,\"[1]\"\n1,1,b,\"[2]\"\n", 3, 0, 1, "batch 1 follows batch 0"),
    ("1,0,a,\"[one]\"\n", 2, 0, 1, "an expert id is not a whole number"),
    ("1,0,a\n", 2, nil, nil, "3 fields instead of 4"),
    ("", 1, nil, nil, "the table has no rows"),
  ])
  func namesTheRow(_ rows: String, line: Int, token: Int?, layer: Int?, problem: String) {
    let fault = importFault { try importText(header + rows, named: "a.csv") }
    #expect(fault?.line ?? 0 == line)
    #expect(fault?.token == token)
    #expect(fault?.layer == layer)
    #expect(fault?.problem.hasPrefix(problem) == true, "\(fault?.problem ?? "no error")")
  }

  /// Leading zeros and quoted words are what only the general readers take.
  @Test func plainAndGeneralReadingGiveTheSame() throws {
    let rows = (0..<12).map { row in
      (word: "w\(row % 3)", layer: row / 3, ids: (0..<6).map { (row * 7 + $0 * 11) % 64 })
    }
    func table(_ write: (String, String) -> String) -> String {
      rows.reduce(header) {
        $0 + "\($1.layer),0," + write($1.word, $1.ids.map(String.init).joined(separator: ", "))
          + "\r\n"
      }
    }
    let options = ImportOptions(experts: 64)
    let plain = try importText(
      table { "\($0),\"[\($1)]\"" }, named: "a.csv", options: options)
    let general = try importText(
      table { "\"\($0)\",\"[0\($1)]\"" }, named: "a.csv", options: options)
    #expect(plain == general)
    #expect(plain[0].ids.count == 72)
  }
}
