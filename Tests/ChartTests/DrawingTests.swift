import TestSupport
import Testing

@testable import Chart

/// SVG and PNG as other programs read them.
@Suite(.enabled(if: Python.has("xml.etree.ElementTree"), "\(Python.absence("xml"))"))
struct DrawingTests {
  private func chart(_ lines: [LineChart.Line]) -> LineChart {
    LineChart("a < b & \"c\"", axis: "layer", places: [1, 3, 5, 7], lines: lines) { "\($0) %" }
  }

  @Test func aChartIsXMLWithAPointAValue() throws {
    let lines = [
      LineChart.Line("seen", [0.1, nil, 0.4, 0.9], color: 0),
      LineChart.Line("alone", [0.2, 0.2, 0.2, 0.2], color: 3, isReference: true),
      LineChart.Line("never", [nil, nil, nil, nil], color: 1),
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
      """, try #require(chart(lines).svg))
    // The gap in the first line leaves its first point alone.
    #expect(printed == "a < b & \"c\" 7 True seen, layer 5: 0.4 % [2, 4]\n")
  }

  @Test func higherValuesStandHigher() throws {
    let svg = try #require(chart([LineChart.Line("x", [0, 0.5, 1, 0.5], color: 0)]).svg)
    let points = try #require(svg.split(separator: "points=\"").last?.split(separator: "\"").first)
    let heights = points.split(separator: " ").compactMap {
      $0.split(separator: ",").last.flatMap { Double($0) }
    }
    #expect(heights.count == 4)
    #expect(heights[0] > heights[1] && heights[1] > heights[2] && heights[1] == heights[3])
  }

  @Test func nothingIsDrawnOfNothing() {
    #expect(chart([]).svg == nil)
    #expect(chart([LineChart.Line("x", [nil, nil, nil, .infinity], color: 0)]).svg == nil)
    let map = Heatmap("", rowAxis: "", columnAxis: "", cells: [], most: 1) { "\($0)" }
    #expect(map.svg == nil)
  }

  @Test func aHeatmapHoldsAPixelACell() throws {
    let map = Heatmap(
      "map", rowAxis: "given", columnAxis: "chosen", cells: [[0, 0.5, 1], [2, -1, 0.25]], most: 1
    ) { "\($0)" }
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
      print(struct.unpack(">IIBBBBB", chunks[b"IHDR"]), list(rows), list(chunks[b"PLTE"][:3]), len(chunks[b"PLTE"]))
      """, try #require(map.svg))
    #expect(
      printed == "(3, 2, 8, 3, 0, 0, 0) [0, 0, 128, 255, 0, 255, 0, 64] [255, 255, 255] 768\n")
  }

  @Test func textIsEscaped() {
    #expect(escaped("<a href=\"x\">&</a>") == "&lt;a href=&quot;x&quot;&gt;&amp;&lt;/a&gt;")
    #expect([0, 1.25, -0.25, 12.04, -3].map(pixels) == ["0", "1.3", "-0.3", "12", "-3"])
  }
}
