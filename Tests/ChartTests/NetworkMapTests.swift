import Testing

@testable import Chart

struct NetworkMapTests {
  private func map(_ share: Double) -> String {
    NetworkMap(
      "a & b", scale: "all",
      nodes: [
        .init("die 0", column: 0, row: 0, share: share),
        .init("die 1", column: 1, row: 0, share: 0),
        .init("die 2", column: 2, row: 0, share: 1),
      ],
      links: [
        .init(from: 0, to: 1, share: 0.25), .init(from: 2, to: 0, share: 0.5),
        .init(from: 0, to: 7, share: 1),
      ]
    ).svg
  }

  @Test func nodesAndLinksAreDrawnWithTheirShares() {
    let svg = map(0.4)
    #expect(svg.hasPrefix("<svg xmlns=\"http://www.w3.org/2000/svg\""))
    #expect(svg.contains("a &amp; b") && svg.contains("<title>die 0: 40 %</title>"))
    #expect(svg.contains("<title>die 0 to die 1: 25 %</title>"))
    // Round die 1, which stands between; neighbours straight.
    #expect(svg.contains("die 2 to die 0") && svg.split(separator: " Q ").count == 2)
    // A node that there is not has no links.
    #expect(svg.split(separator: " to die").count == 3)
  }

  @Test func moreIsDarker() {
    func fill(_ share: Double) -> Substring? {
      map(share).split(separator: "rgb(").dropFirst().first { $0.contains("<title>die 0:") }?
        .prefix { $0 != ")" }
    }
    func sum(_ share: Double) -> Int {
      (fill(share) ?? "").split(separator: ",").compactMap { Int($0) }.reduce(0, +)
    }
    #expect(sum(0) > sum(0.3) && sum(0.3) > sum(0.8) && sum(0.8) > sum(1) && sum(1) > 0)
    #expect(sum(2) == sum(1))
  }
}
