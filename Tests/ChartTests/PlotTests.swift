import Testing

@testable import Chart

/// The pictures to the last letter, small enough to be checked with a pencil: a plot is 400 wide, its
/// frame from 44 to 390 and from 188 at the foot to 26 on top.
@Suite struct PlotTests {
  private let share = Axis("share (%)", key: "share", format: .percent, shows: [0, 1])

  /// 0 to 100 % are 162 high, so that 50 % stands at 107; two layers are 4 % from the edges.
  @Test func aLinePlotIsDrawnToTheLetter() {
    let plot = LinePlot(
      "a plot", x: Axis("layer", key: "layer", format: .plain(0), isWhole: true), y: share,
      series: [.init("one", color: 0, [.init(0, 0.5, 0.25...0.75), .init(1, 1)])],
      followsLayer: true)
    let x = (44 + 346 * 0.02 / 1.04, 44 + 346 * 1.02 / 1.04)
    #expect((pixels(x.0), pixels(x.1)) == ("50.7", "383.3"))
    let drawn = plot.svg?.split(separator: "\n").filter { !$0.contains("class=\"grid\"") }
    #expect(
      drawn?.first?.hasPrefix(
        "<svg viewBox=\"0 0 400 228\" role=\"img\" aria-label=\"a plot\" data-layer0=\"50.7\" "
          + "data-step=\"332.69") == true)
    #expect(
      drawn?.dropFirst().map(String.init) == [
        "<text class=\"text\" text-anchor=\"middle\" x=\"50.7\" y=\"203\">0</text>",
        "<text class=\"text\" text-anchor=\"middle\" x=\"383.3\" y=\"203\">1</text>",
        "<line class=\"axis\" x1=\"44\" x2=\"390\" y1=\"188\" y2=\"188\"/>",
        "<text class=\"title\" x=\"2\" y=\"12\">share (%)</text>",
        "<text class=\"title\" text-anchor=\"end\" x=\"390\" y=\"222\">layer</text>",
        "<line class=\"s0 whisker\" x1=\"50.7\" x2=\"50.7\" y1=\"147.5\" y2=\"66.5\"/>",
        "<polyline class=\"s0\" points=\"50.7,107 383.3,26\"/>",
        "<circle class=\"s0\" cx=\"50.7\" cy=\"107\" r=\"2.4\"><title>one, layer 0: 50.0 % "
          + "(25.0 % to 75.0 %)</title></circle>",
        "<circle class=\"s0\" cx=\"383.3\" cy=\"26\" r=\"2.4\"><title>one, layer 1: 100.0 %</title></circle>",
        "<line class=\"cursor\" y1=\"26\" y2=\"188\" x1=\"-9\" x2=\"-9\"/>", "</svg>",
      ])
    #expect(
      plot.data
        == PlotData(
          columns: ["series", "layer", "share", "low", "high"],
          rows: [
            [.text("one"), .integer(0), .number(0.5), .number(0.25), .number(0.75)],
            [.text("one"), .integer(1), .number(1), .none, .none],
          ]))
  }

  /// Names of three letters take 31, values of seven 59, so that bars have 310.
  @Test func barsAreAsLongAsTheirValues() {
    let plot = RowPlot(
      "bars", value: share,
      rows: [
        .init("one", [0.5], interval: 0.4...0.6), .init("two", [1], color: 6, isReference: true),
        .init("not", [nil]),
      ])
    #expect(
      plot.svg?.split(separator: "\n").dropFirst(2).map(String.init) == [
        "<text class=\"value\" dominant-baseline=\"middle\" text-anchor=\"end\" x=\"23\" y=\"31\">one</text>",
        "<rect class=\"s0\" x=\"31\" y=\"24\" width=\"155\" height=\"14\"><title>one: 50.0 %</title></rect>",
        "<path class=\"whisker\" d=\"M155 27V35M155 31H217M217 27V35\"><title>one: 95 % interval "
          + "40.0 % to 60.0 %</title></path>",
        "<text class=\"value\" dominant-baseline=\"middle\" x=\"222\" y=\"31\">50.0 %</text>",
        "<text class=\"value\" dominant-baseline=\"middle\" text-anchor=\"end\" x=\"23\" y=\"53\">two</text>",
        "<rect class=\"s6 pale\" x=\"31\" y=\"46\" width=\"310\" height=\"14\"><title>two: 100.0 %</title></rect>",
        "<text class=\"value\" dominant-baseline=\"middle\" x=\"346\" y=\"53\">100.0 %</text>",
        "</svg>",
      ])
    #expect(plot.data.rows.count == 2 && plot.data.columns == ["name", "share", "low", "high"])
  }

  /// The parts of a bar follow each other.
  @Test func partsAddUp() {
    let plot = RowPlot(
      "parts", value: share, parts: ["a", "b"],
      rows: [.init("x", [0.25, 0.5]), .init("y", [nil, 0.5])])
    let rects = plot.svg?.split(separator: "\n").filter { $0.hasPrefix("<rect") }.map { rect in
      rect.split(separator: " ").compactMap { part -> Double? in
        part.hasPrefix("x=") || part.hasPrefix("width=")
          ? Double(part.split(separator: "\"")[1]) : nil
      }
    }
    let lengths = rects ?? []
    #expect(lengths.count == 3)
    #expect(abs(lengths[0][0] + lengths[0][1] - lengths[1][0]) < 0.11)
    #expect(
      abs(2 * lengths[0][1] - lengths[1][1]) < 0.11 && lengths[2] == [lengths[0][0], lengths[1][1]])
    #expect(
      plot.legend.map(\.name) == ["a", "b"] && plot.data.rows[2] == [.text("y"), .text("a"), .none])
  }

  /// Two lanes of 44; the highest block is 32 high, one of half its number half of that.
  @Test func blocksStandInTheirLanes() {
    let plot = LanePlot(
      "lanes", time: Axis("time (s)", key: "seconds", format: .prefixed("s")), value: "reads",
      lanes: ["early", "late"],
      blocks: [
        .init(lane: 0, begin: 0, end: 1, value: 4), .init(lane: 1, begin: 1, end: 4, value: 2),
        .init(lane: 2, begin: 0, end: 1, value: 9), .init(lane: 1, begin: 0, end: 1, value: 0),
      ])
    let rects = plot.svg?.split(separator: "\n").filter { $0.hasPrefix("<rect") }.map(String.init)
    #expect(
      rects == [
        "<rect class=\"s0\" x=\"74\" y=\"16\" width=\"78.7\" height=\"32\"><title>early: 4 reads</title></rect>",
        "<rect class=\"s1\" x=\"153\" y=\"76\" width=\"236.7\" height=\"16\"><title>late: 2 reads</title></rect>",
      ])
    #expect(plot.data.rows.count == 2)
  }

  /// Two dies 78 apart: squares of 45.2, an arrow below the middle, the busier one darker.
  @Test func aMeshIsDrawnInItsShades() {
    let plot = MeshPlot(
      "mesh",
      nodes: [
        .init("die 0", column: 0, row: 0, share: 1), .init("die 1", column: 1, row: 0, share: 0.2),
      ],
      links: [.init(from: 0, to: 1, share: 0.6), .init(from: 0, to: 5, share: 1)])
    let lines = plot.svg?.split(separator: "\n").map(String.init) ?? []
    #expect(
      lines[1].hasPrefix(
        "<path class=\"l9 link\" d=\"M183.6 48L213.4 48\"><title>die 0 to die 1: busy 60.0 %"))
    #expect(
      lines[3].hasPrefix(
        "<rect class=\"h15 node\" x=\"138.4\" y=\"18.4\" width=\"45.2\" height=\"45.2\""))
    #expect(
      lines[4] == "<text class=\"ink-high\" text-anchor=\"middle\" x=\"161\" y=\"45\">0</text>")
    #expect(lines[5].hasPrefix("<rect class=\"h3 node\"") && plot.data.rows.count == 3)
  }

  @Test(arguments: [
    (ValueFormat.percent, 0.4567, "45.7 %", "45.67"), (.times, 2, "2.00 x", "2"),
    (.prefixed("B"), 1_234_000, "1.23 MB", "1.234M"), (.prefixed("s"), 4.2e-6, "4.20 µs", "4.2µ"),
    (.prefixed(), 12, "12", "12"), (.prefixed("s"), 0, "0 s", "0"),
    (.plain(3), -0.0001, "0.000", "-0.0001"),
    (.percent, .nan, "-", "-"),
  ])
  func valuesAreWrittenForPeople(format: ValueFormat, value: Double, text: String, tick: String) {
    #expect(format.text(value) == text)
    if value.isFinite { #expect(format.tick(value) == tick) }
  }

  /// Logarithms have steps of equal factors, and no place for 0.
  @Test func axesPlaceValues() throws {
    let axis = Axis("n", key: "n", format: .plain(0), isLogarithmic: true)
    let scale = try #require(axis.scale([0, 1, 1000], isTight: false))
    #expect(scale.ticks == [1, 10, 100, 1000] && abs(scale.place(10) - 1.0 / 3) < 1e-12)
    #expect(axis.scale([0, -1], isTight: false) == nil && !axis.hasPlace(0) && axis.hasPlace(2))
    let whole = try #require(
      Axis("layer", key: "layer", format: .plain(0), isWhole: true).scale([3, 60], isTight: true))
    #expect(whole.ticks == [10, 20, 30, 40, 50, 60])
  }
}
