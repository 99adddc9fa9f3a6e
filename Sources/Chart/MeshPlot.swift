/// Nodes and the directed links between them in shades of how busy each was, as SVG for a page; a
/// file of its own is ``NetworkMap``.
///
/// A link is drawn to the right of the way from its begin to its end, so that both directions show.
public struct MeshPlot: Plot {
  /// What it shows, for those who do not see it.
  public var title: String
  /// The squares; shares are of the layer's time.
  public var nodes: [NetworkMap.Node]
  /// The arrows; those to or from nodes that there are not are left out.
  public var links: [NetworkMap.Link]

  /// A map of these.
  public init(_ title: String, nodes: [NetworkMap.Node], links: [NetworkMap.Link]) {
    self.title = title
    self.nodes = nodes
    self.links = links.filter { nodes.indices.contains($0.from) && nodes.indices.contains($0.to) }
  }

  public var legend: [LegendEntry] { [] }

  public var data: PlotData {
    PlotData(
      columns: ["from", "to", "busy_share"],
      rows: nodes.map { [.text($0.label), .none, .number($0.share)] }
        + links.map {
          [.text(nodes[$0.from].label), .text(nodes[$0.to].label), .number($0.share)]
        })
  }

  private static let width = 400.0
  private var columns: Int { (nodes.map(\.column).max() ?? 0) + 1 }
  private var rows: Int { (nodes.map(\.row).max() ?? 0) + 1 }
  private var cell: Double { min(78, Self.width / Double(columns)) }
  private var side: Double { cell * 0.58 }
  private var left: Double { (Self.width - cell * Double(columns)) / 2 }

  /// - Complexity: linear in nodes and links.
  public var svg: String? {
    guard !nodes.isEmpty else { return nil }
    let foot = cell * Double(rows) + 6
    let parts =
      [
        "<svg viewBox=\"0 0 \(pixels(Self.width)) \(pixels(foot + 34))\" role=\"img\" "
          + "aria-label=\"\(escaped(title))\">"
      ] + links.map(arrow) + nodes.map(square)
      + (0..<16).map {
        "<rect class=\"h\($0)\" x=\"\(4 + 9 * $0)\" y=\"\(pixels(foot + 6))\" width=\"9\" height=\"9\"/>"
      } + [
        "<text class=\"text\" x=\"4\" y=\"\(pixels(foot + 29))\">0</text>",
        "<text class=\"text\" text-anchor=\"end\" x=\"148\" y=\"\(pixels(foot + 29))\">100</text>",
        "<text class=\"text\" x=\"158\" y=\"\(pixels(foot + 14))\">busy (% of the layer's time)</text>",
        "</svg>",
      ]
    return parts.joined(separator: "\n")
  }

  private func square(_ node: NetworkMap.Node) -> String {
    let (x, y) = middle(node)
    let ink = Self.shade(node.share) > 7 ? "ink-high" : "ink-low"
    return """
      <rect class="h\(Self.shade(node.share)) node" x="\(pixels(x - side / 2))" \
      y="\(pixels(y - side / 2))" width="\(pixels(side))" height="\(pixels(side))" rx="4">\
      <title>\(escaped(node.label)): busy \(ValueFormat.percent.text(node.share))</title></rect>
      <text class="\(ink)" text-anchor="middle" x="\(pixels(x))" y="\(pixels(y + 4))">\
      \(escaped(node.label.split(separator: " ").last.map(String.init) ?? ""))</text>
      """
  }

  private func arrow(_ link: NetworkMap.Link) -> String {
    let (begin, end) = (middle(nodes[link.from]), middle(nodes[link.to]))
    let (dx, dy) = (end.x - begin.x, end.y - begin.y)
    let length = (dx * dx + dy * dy).squareRoot()
    guard length > 0 else { return "" }
    let (ux, uy) = (dx / length, dy / length)
    func point(_ along: Double, _ aside: Double) -> String {
      // To the right of the way, in a picture whose y grows downwards.
      "\(pixels(begin.x + ux * along - uy * aside)) \(pixels(begin.y + uy * along + ux * aside))"
    }
    let (near, far) = (side / 2, length - side / 2)
    let isFar = length > cell * 1.5
    let path =
      isFar
      ? "M\(point(near, 7))Q\(point(length / 2, 44)) \(point(far, 7))"
      : "M\(point(near, 7))L\(point(far - 3, 7))"
    let names = "\(nodes[link.from].label) to \(nodes[link.to].label)"
    return """
      <path class="l\(Self.shade(link.share)) link" d="\(path)"><title>\(escaped(names)): busy \
      \(ValueFormat.percent.text(link.share))</title></path>
      <path class="h\(Self.shade(link.share))" d="M\(point(far - 5, 2))L\(point(far, 7))\
      L\(point(far - 5, 12))Z"/>
      """
  }

  private static func shade(_ share: Double) -> Int {
    Int((max(0, min(1, share)) * 15).rounded())
  }

  private func middle(_ node: NetworkMap.Node) -> (x: Double, y: Double) {
    (
      left + cell * (Double(node.column) + 0.5), 2 + cell * (Double(node.row) + 0.5)
    )
  }
}
