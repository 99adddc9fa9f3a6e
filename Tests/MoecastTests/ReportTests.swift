import Testing

@testable import moecast

/// A report's columns give the table, the CSV and the JSON.
@Suite struct ReportTests {
  private struct Run {
    var name: String
    var seconds: Double
    var reads: Int?
    var share: Double?
  }

  private static let columns: [Column<Run>] = [
    .text("name", "name") { $0.name },
    .number("mean_seconds", "us", times: 1e6, places: 1) { $0.seconds },
    .integer("met.reads", "reads") { $0.reads },
    .number("met.share", "share %", times: 100, places: 2) { $0.share },
    .number("hidden") { _ in 0.25 },
    Column(nil, "note", shown: { $0.reads == nil ? "none" : "some" }),
    Column("bins", nil, isNested: true) { _ in .list([.object(["count": .integer(1)])]) },
  ]
  private let report = Report(
    columns,
    [
      Run(name: "a,\u{1B}b", seconds: 1.5e-6, reads: 12, share: 0.3333333333333333),
      Run(name: "c", seconds: 2, reads: nil, share: nil),
    ])

  @Test func peopleSeeHeadings() {
    #expect(
      report.text() == """
        name                us  reads  share %  note
        a,\\u001bb          1.5     12    33.33  some
        c          2,000,000.0      -        -  none
        """)
    #expect(report.text([.number(nil, "s", places: 0) { $0.seconds }]) == "s\n0\n2")
  }

  @Test func programsReadKeys() throws {
    #expect(
      report.csv == """
        name,mean_seconds,met.reads,met.share,hidden
        "a,\u{1B}b",1.5e-06,12,0.3333333333333333,0.25
        c,2.0,,,0.25
        """)
    #expect(
      try json(report) == #"""
        [
          {
            "bins" : [
              {
                "count" : 1
              }
            ],
            "hidden" : 0.25,
            "mean_seconds" : 1.5e-06,
            "met" : {
              "reads" : 12,
              "share" : 0.3333333333333333
            },
            "name" : "a,\u001bb"
          },
          {
            "bins" : [
              {
                "count" : 1
              }
            ],
            "hidden" : 0.25,
            "mean_seconds" : 2,
            "name" : "c"
          }
        ]
        """#)
    #expect(try json(Report(Self.columns, [])) == "[\n\n]")
  }

  @Test func aColumnForProgramsAloneKeepsItsKey() throws {
    let unseen = Report(Self.columns.map(\.unseen), report.rows)
    #expect(unseen.text() == "\n\n")
    #expect(unseen.csv == report.csv)
    #expect(try json(unseen) == json(report))
  }
}
