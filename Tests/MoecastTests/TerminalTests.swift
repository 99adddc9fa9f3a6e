import Testing

@testable import moecast

/// Tables know how wide their terminal is.
@Suite struct TerminalTests {
  private struct Run {
    var wafer: String
    var strategy: String
    var batch: Int
    var figures: [Double]
  }

  /// Two names, a number that is one too, and so many figures of ten columns each.
  private func report(figures: Int) -> Report<Run> {
    let columns: [Column<Run>] =
      [
        .text("wafer", "wafer") { $0.wafer }, .text("strategy", "strategy") { $0.strategy },
        .integer("batch", "batch") { $0.batch }.naming,
      ]
      + (0..<figures).map { index in
        .number("f\(index)", "figure \(index)", places: 1) { $0.figures[index] }
      }
    return Report(
      columns,
      ["base", "staged"].map { strategy in
        Run(
          wafer: "dojo", strategy: strategy, batch: 4096,
          figures: (0..<figures).map { Double($0) + 1000 })
      })
  }

  private func lines(_ report: some Shown, _ width: Int?) -> [String] {
    report.lines(on: Terminal(width: width)).map(\.text)
  }

  /// A file gets one line a row, however wide.
  @Test func aFileGetsWideLines() {
    let wide = lines(report(figures: 12), nil)
    #expect(wide.count == 3 && wide[0].count > 120)
    #expect(wide[0].hasPrefix("wafer  strategy  batch  figure 0  figure 1"))
    #expect(wide[2].hasPrefix("dojo   staged    4,096   1,000.0   1,001.0"))
    #expect(report(figures: 12).plain == wide.joined(separator: "\n"))
  }

  @Test(arguments: [60, 80, 120, 200]) func noLineIsWiderThanTheTerminal(width: Int) {
    for figures in [1, 4, 8, 12, 40] {
      let shown = lines(report(figures: figures), width)
      for line in shown { #expect(line.count <= width, "\(width), \(figures): \(line)") }
      // Every figure is shown once, or named as left out.
      let text = shown.joined(separator: "\n").replacing("\n  ", with: " ")
      for figure in 0..<figures {
        #expect(text.contains("figure \(figure)"), "\(width), \(figures): \(figure)")
      }
    }
  }

  /// The second block begins with the names in which rows differ.
  @Test func whatDoesNotFitGoesToASecondBlock() {
    let shown = lines(report(figures: 8), 80)
    #expect(
      shown == [
        "wafer  strategy  batch  figure 0  figure 1  figure 2  figure 3  figure 4",
        "dojo   base      4,096   1,000.0   1,001.0   1,002.0   1,003.0   1,004.0",
        "dojo   staged    4,096   1,000.0   1,001.0   1,002.0   1,003.0   1,004.0",
        "",
        "strategy  figure 5  figure 6  figure 7",
        "base       1,005.0   1,006.0   1,007.0",
        "staged     1,005.0   1,006.0   1,007.0",
      ])
  }

  @Test func whatDoesNotFitIntoThreeBlocksIsNamed() {
    let shown = lines(report(figures: 40), 60)
    let note = shown.drop { !$0.hasPrefix("not shown") }.joined(separator: " ")
    #expect(note.hasPrefix("not shown, for want of width: figure "))
    #expect(note.contains("figure 39") && note.hasSuffix("`| less -S` has all"))
    #expect(shown.count { $0.isEmpty } == 2)
  }

  /// A first column that leaves no room for the second, which says more, is left out and named.
  @Test func namesThatTellNothingAreLeftOut() {
    let columns: [Column<Int>] = [
      .text(nil, "observation") { "\($0) layer to layer" },
      .text(nil, "figure") { "the share on the top fifth \($0)" },
      .integer(nil, "all") { $0 },
    ]
    let shown = lines(Report(columns, [1, 2]), 44)
    #expect(
      shown == [
        "figure                        all", "the share on the top fifth 1    1",
        "the share on the top fifth 2    2", "not shown, for want of width: observation; a",
        "  wider terminal or `| less -S` has all",
      ])
  }

  /// The last words of a row are wrapped under their column.
  @Test func longWordsAreWrapped() {
    let report = Report<String>(
      [.text(nil, "name") { _ in "mixture" }, .text(nil, "what it is") { $0 }],
      ["weighs these and many more against each other, and forecasts best of all that there are"])
    #expect(
      lines(report, 60) == [
        "name     what it is",
        "mixture  weighs these and many more against each other, and",
        "         forecasts best of all that there are",
      ])
    #expect(lines(report, nil).count == 2)
  }

  /// What headings mean, and sparklines, are for people who look on.
  @Test func meaningsAndSparklinesAreForTerminals() {
    let report = Report<[Double]>(
      [
        .integer("n", "n") { $0.count }.meaning("how many"),
        .spark("course") { $0 },
      ], [[1, 2, 3]])
    #expect(report.plain == "n\n3")
    #expect(lines(report, 80) == ["n  course", "3  ▁▅█", "n: how many"])
    #expect(report.csv == "n\n3")
  }

  @Test func weightsAreShownWhereTheyCanBe() {
    var report = self.report(figures: 1)
    report.isBest = { $0.strategy == "staged" }
    let shown = report.lines(on: Terminal(width: 80))
    #expect(shown.map(\.weight) == [.bold, .plain, .bold])
    let colours = Terminal(width: 80, hasColour: true)
    #expect(shown[0].written(on: colours).hasPrefix("\u{1B}[1mwafer"))
    #expect(shown[0].written(on: colours).hasSuffix("\u{1B}[0m"))
    #expect(shown[1].written(on: colours) == shown[1].text)
    #expect(shown[0].written(on: Terminal(width: 80)) == shown[0].text)
    // What others wrote never becomes a colour.
    #expect(Line("\u{1B}[31mred", .bold).written(on: colours) == "\u{1B}[1m\\u001b[31mred\u{1B}[0m")
  }

  /// Standard output of a test is no terminal, whatever the environment says.
  @Test func aPipeIsNoTerminal() {
    #expect(Terminal.of(-1) { _ in "80" } == .none)
    #expect(Terminal.none.width == nil && !Terminal.none.hasColour)
  }

  @Test(
    arguments: [
      ([1, 2, 3, 4, 5, 6, 7, 8], "▁▂▃▄▅▆▇█"), ([8, nil, 1], "█ ▁"), ([2, 2], "▅▅"), ([], ""),
      ([nil], ""), ([0, .nan, 1], "▁ █"),
    ] as [([Double?], String)]) func barsLieBetweenLeastAndMost(values: [Double?], bars: String)
  {
    #expect(sparkline(values) == bars)
  }

  @Test func manyValuesAreMeansOfNeighbours() {
    #expect(condensed([1, 3, 5, 7], to: 2) == [2, 6])
    #expect(condensed([1, 3], to: 5) == [1, 3])
    #expect(condensed((0..<100).map(Double.init), to: 7).count == 7)
  }

  @Test func numbersAreGroupedTheSameWay() {
    #expect(groupedDecimals(1234567.891, 2) == "1,234,567.89")
    #expect(groupedDecimals(-1234.5, 0) == "-1,235")
    #expect(groupedDecimals(999.94, 1) == "999.9" && groupedDecimals(999.96, 1) == "1,000.0")
    #expect(groupedDecimals(.infinity, 1) == "-")
    #expect(counted(1, "token") == "1 token" && counted(UInt64(2000), "token") == "2,000 tokens")
  }

  /// A size that is there is never shown as nothing.
  @Test func gigabytesAreNeverNothing() {
    #expect(gigabytes(0, places: 1) == "0.0")
    #expect(gigabytes(4e6, places: 1) == "0.004" && gigabytes(4.4e9, places: 1) == "4.4")
    #expect(gigabytes(2e8, places: 0) == "0.2" && gigabytes(1.2e12, places: 0) == "1,200")
    #expect(bytes(40) == "40 B" && bytes(4_000) == "4.0 kB")
  }

  /// The rate is that of the last tenth: of ten megabytes at one a second and the rest at ten.
  @Test func theTimeToGoIsOfTheLastTenth() throws {
    var pace = Pace()
    #expect(pace.rate == nil)
    for second in 1...10 { pace.note(second * 1_000_000, at: Double(second)) }
    for step in 1...100 { pace.note(10_000_000 + step * 1_000_000, at: 10 + Double(step) / 10) }
    #expect(abs(try #require(pace.rate) - 10e6) < 1)
    // From the beginning on it was half of that.
    #expect(110e6 / 20.0 < 6e6)
  }
}
