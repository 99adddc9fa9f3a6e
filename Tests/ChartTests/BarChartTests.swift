import Testing

@testable import Chart

struct BarChartTests {
  private func svg(_ values: [Double?], isLogarithmic: Bool = false) -> String {
    BarChart(
      "a & b", axis: "times", names: ["one", "two"], groups: [.init("x", values)],
      isLogarithmic: isLogarithmic
    ).svg
  }

  /// The heights of the bars, by their names.
  private func heights(_ svg: String) -> [Double] {
    svg.split(separator: "<rect x=").filter { $0.contains("<title>") }.compactMap {
      $0.split(separator: " height=\"").last?.split(separator: "\"").first.flatMap { Double($0) }
    }
  }

  @Test func heightsAreProportional() {
    let heights = heights(svg([2, 4]))
    #expect(heights.count == 2 && abs(heights[1] - 2 * heights[0]) < 0.2 && heights[0] > 10)
  }

  /// A tenfold value is a step higher wherever it begins; what has no logarithm has no bar.
  @Test func logarithmsHaveEqualSteps() {
    let heights = heights(svg([10, 100], isLogarithmic: true))
    #expect(heights.count == 2 && heights[0] < 0.1 && heights[1] > 100)
    #expect(self.heights(svg([0, 100], isLogarithmic: true)).count == 1)
    #expect(self.heights(svg([nil, .infinity])).isEmpty)
  }

  @Test func namesAreEscaped() {
    let svg = svg([1, 2])
    #expect(svg.hasPrefix("<svg xmlns=\"http://www.w3.org/2000/svg\"") && svg.contains("a &amp; b"))
    #expect(svg.contains("<title>x, one: 1.0</title>") && svg.contains(">times</text>"))
  }
}
