import TestSupport
import Testing

@testable import Chart

/// SVG and PNG as other programs read them.
@Suite(.enabled(if: Python.has("xml.etree.ElementTree"), "\(Python.absence("xml"))"))
struct DrawingTests {
  private func plot(_ series: [LinePlot.Series]) -> LinePlot {
    LinePlot(
      "a < b & \"c\"", x: Axis("layer", key: "layer", format: .plain(0), isWhole: true),
      y: Axis("share (%)", key: "share", format: .percent, shows: [0]), series: series)
  }

  private func points(_ values: [Double?]) -> [LinePlot.Point] {
    zip([1, 3, 5, 7], values).map { .init($0, $1) }
  }

  @Test func aPlotIsXMLWithAPointAValue() throws {
    let series = [
      LinePlot.Series("seen", color: 0, points([0.1, nil, 0.4, 0.9])),
      LinePlot.Series("alone", color: 6, .reference, points([0.2, 0.2, 0.2, 0.2])),
      LinePlot.Series("never", color: 1, points([nil, nil, nil, nil])),
    ]
    let printed = try Python.run(
      """
      import sys, xml.etree.ElementTree as xml
      root = xml.fromstring(sys.argv[1])
      width, height = map(float, root.get("viewBox").split()[2:])
      circles, lines = root.findall("circle"), root.findall("polyline")
      inside = all(0 <= float(c.get("cx")) <= width and 0 <= float(c.get("cy")) <= height for c in circles)
      titles = [c.find("title").text for c in circles]
      print(root.get("aria-label"), len(circles), inside, titles[1], [len(l.get("points").split()) for l in lines])
      """, try #require(plot(series).svg))
    // The gap in the first line leaves its first point alone.
    #expect(printed == "a < b & \"c\" 7 True seen, layer 5: 40.0 % [2, 4]\n")
  }

  @Test func higherValuesStandHigher() throws {
    let svg = try #require(
      plot([LinePlot.Series("x", color: 0, points([0, 0.5, 1, 0.5]))]).svg)
    let drawn = try #require(svg.split(separator: "points=\"").last?.split(separator: "\"").first)
    let heights = drawn.split(separator: " ").compactMap {
      $0.split(separator: ",").last.flatMap { Double($0) }
    }
    #expect(heights.count == 4)
    #expect(heights[0] > heights[1] && heights[1] > heights[2] && heights[1] == heights[3])
  }

  @Test func nothingIsDrawnOfNothing() {
    #expect(plot([]).svg == nil)
    #expect(plot([LinePlot.Series("x", color: 0, points([nil, nil, nil, .infinity]))]).svg == nil)
    #expect(
      RowPlot("", value: Axis("", key: "", format: .times), rows: [.init("x", [nil])]).svg == nil)
    #expect(MeshPlot("", nodes: [], links: []).svg == nil)
    #expect(map([]).svg == nil && map([[1, 2], [3]]).svg == nil)
  }

  private func map(_ cells: [[Double]], step: Int = 1) -> ShadeMap {
    ShadeMap(
      "map", rows: .init("given", count: cells.count, key: "given"),
      columns: .init("chosen", count: cells.first?.count ?? 0, key: "chosen"),
      value: Axis("share (%)", key: "share", format: .percent), range: 0...1,
      maps: [.init(layer: 3, cells: cells)], cellsOfPixel: step)
  }

  /// Sixteen greys, two a byte; of coarse maps the mean of cells.
  @Test(arguments: [
    (1, "(3, 2, 4, 0, 0, 0, 0) [0, 8, 240, 0, 240, 64]"), (2, "(2, 1, 4, 0, 0, 0, 0) [0, 137]"),
  ])
  func aMapHoldsAPixelACell(step: Int, expected: String) throws {
    let map = map([[0, 0.5, 1], [2, -0.3, 0.25]], step: step)
    let printed = try Python.run(
      """
      import base64, struct, sys, zlib, xml.etree.ElementTree as xml
      root = xml.fromstring(sys.argv[1])
      data = base64.b64decode(root.find("image").get("href").split(",", 1)[1])
      assert data[:8] == b"\\x89PNG\\r\\n\\x1a\\n"
      at, chunks = 8, {}
      while at < len(data):
          size, = struct.unpack(">I", data[at:at + 4])
          kind, body = data[at + 4:at + 8], data[at + 8:at + 8 + size]
          assert struct.unpack(">I", data[at + 8 + size:at + 12 + size])[0] == zlib.crc32(kind + body)
          chunks[kind] = body
          at += 12 + size
      rows = zlib.decompress(chunks[b"IDAT"])
      print(struct.unpack(">IIBBBBB", chunks[b"IHDR"]), list(rows))
      """, try #require(map.svg))
    #expect(printed == expected + "\n")
    #expect(map.images.count == 1 && map.data.rows.count == 6)
    #expect(map.data.rows[3] == [.integer(3), .integer(1), .integer(0), .number(2)])
  }

  @Test func textIsEscaped() {
    #expect(escaped("<a href=\"x\">&</a>") == "&lt;a href=&quot;x&quot;&gt;&amp;&lt;/a&gt;")
    #expect([0, 1.25, -0.25, 12.04, -3].map(pixels) == ["0", "1.3", "-0.3", "12", "-3"])
  }
}
