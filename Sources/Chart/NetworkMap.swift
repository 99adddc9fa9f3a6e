/// Nodes and the directed links between them in shades of how busy each was, as an SVG file of its
/// own.
///
/// ```swift
/// let map = NetworkMap(
///   "dojo, base", nodes: [.init("0", column: 0, row: 0, share: 0.9), ...],
///   links: [.init(from: 0, to: 1, share: 0.4)])
/// page += map.svg
/// ```
///
/// A link is drawn to the right of the way from its begin to its end, so that both directions show.
public struct NetworkMap: Sendable {
  /// A square.
  public struct Node: Hashable, Sendable {
    /// What stands in it.
    public var label: String
    /// Places from the left, counted from 0.
    public var column: Int
    /// Places from the top.
    public var row: Int
    /// From 0 to 1.
    public var share: Double

    /// A square at a place of the grid.
    public init(_ label: String, column: Int, row: Int, share: Double) {
      self.label = label
      self.column = column
      self.row = row
      self.share = share
    }
  }

  /// An arrow between two nodes.
  public struct Link: Hashable, Sendable {
    /// The node where it begins, as a place in ``NetworkMap/nodes``.
    public var from: Int
    /// The node where it ends.
    public var to: Int
    /// From 0 to 1.
    public var share: Double

    /// An arrow.
    public init(from: Int, to: Int, share: Double) {
      self.from = from
      self.to = to
      self.share = share
    }
  }

  /// What it shows.
  public var title: String
  /// What a share of 1 is, below the scale.
  public var scale: String
  /// The squares.
  public var nodes: [Node]
  /// The arrows; those to or from nodes that there are not are left out.
  public var links: [Link]

  private static let (cell, side, top) = (84.0, 48.0, 34.0)

  /// A map.
  ///
  /// - Parameter scale: what a share of 1 is.
  public init(_ title: String, scale: String, nodes: [Node], links: [Link]) {
    self.title = title
    self.scale = scale
    self.nodes = nodes
    self.links = links
  }

  /// The file's text.
  ///
  /// - Complexity: linear in nodes and links.
  public var svg: String {
    let width = max(280, Self.cell * Double((nodes.map(\.column).max() ?? 0) + 1) + 20)
    let bottom = Self.top + Self.cell * Double((nodes.map(\.row).max() ?? 0) + 1)
    let arrows = links.filter { nodes.indices.contains($0.from) && nodes.indices.contains($0.to) }
    return svgFile(
      title, width: width, height: bottom + 54,
      arrows.map(arrow) + nodes.map(square) + [legend(at: bottom + 10)])
  }

  private func square(_ node: Node) -> String {
    let (x, y) = middle(node)
    let half = Self.side / 2
    return """
      <rect x="\(pixels(x - half))" y="\(pixels(y - half))" width="\(pixels(Self.side))" \
      height="\(pixels(Self.side))" rx="4" fill="\(shade(node.share))" stroke="#5b636c">\
      <title>\(escaped(node.label)): \(percent(node.share))</title></rect>
      <text x="\(pixels(x))" y="\(pixels(y - 2))" text-anchor="middle" \
      fill="\(ink(node.share))">\(escaped(node.label))</text>
      <text x="\(pixels(x))" y="\(pixels(y + 14))" text-anchor="middle" \
      fill="\(ink(node.share))">\(percent(node.share))</text>
      """
  }

  /// An arrow from edge to edge, bent around nodes that stand between its ends.
  private func arrow(_ link: Link) -> String {
    let (from, to) = (nodes[link.from], nodes[link.to])
    let (begin, end) = (middle(from), middle(to))
    let (dx, dy) = (end.x - begin.x, end.y - begin.y)
    let length = (dx * dx + dy * dy).squareRoot()
    guard length > 0 else { return "" }
    let (ux, uy) = (dx / length, dy / length)
    // To the right of the way, in a picture whose y grows downwards.
    let (rx, ry) = (-uy, ux)
    func point(_ along: Double, _ aside: Double) -> String {
      "\(pixels(begin.x + ux * along + rx * aside)) \(pixels(begin.y + uy * along + ry * aside))"
    }
    let (near, far) = (Self.side / 2, length - Self.side / 2)
    let isFar =
      (from.row == to.row && abs(from.column - to.column) > 1)
      || (from.column == to.column && abs(from.row - to.row) > 1)
    let path =
      isFar
      ? "M \(point(near, 8)) Q \(point(length / 2, 50)) \(point(far, 8))"
      : "M \(point(near, 8)) L \(point(far - 4, 8))"
    return """
      <path d="\(path)" fill="none" stroke="\(shade(link.share))" stroke-width="7">\
      <title>\(escaped(from.label)) to \(escaped(to.label)): \(percent(link.share))</title></path>
      <path d="M \(point(far - 6, 2)) L \(point(far, 8)) L \(point(far - 6, 14)) Z" \
      fill="\(shade(link.share))"/>
      """
  }

  private func legend(at y: Double) -> String {
    let steps = (0..<20).map { step in
      "<rect x=\"\(10 + step * 8)\" y=\"\(pixels(y))\" width=\"8\" height=\"12\" "
        + "fill=\"\(shade(Double(step) / 19))\"/>"
    }
    return steps.joined()
      + "\n<text x=\"10\" y=\"\(pixels(y + 28))\" fill=\"#5b636c\">0</text>"
      + "<text x=\"178\" y=\"\(pixels(y + 11))\" fill=\"#5b636c\">\(escaped(scale))</text>"
  }

  private func middle(_ node: Node) -> (x: Double, y: Double) {
    (
      10 + Self.cell * (Double(node.column) + 0.5), Self.top + Self.cell * (Double(node.row) + 0.5)
    )
  }

  /// From nearly white over orange to dark red: lighter is less, in grey too.
  private func shade(_ share: Double) -> String {
    let stops: [(Double, Double, Double)] = [(240, 238, 232), (240, 150, 70), (120, 10, 30)]
    let place = max(0, min(1, share)) * Double(stops.count - 1)
    let index = min(Int(place), stops.count - 2)
    let part = place - Double(index)
    func mix(_ low: Double, _ high: Double) -> Int { Int((low + (high - low) * part).rounded()) }
    let (low, high) = (stops[index], stops[index + 1])
    return "rgb(\(mix(low.0, high.0)),\(mix(low.1, high.1)),\(mix(low.2, high.2)))"
  }

  private func ink(_ share: Double) -> String { share > 0.6 ? "#ffffff" : "#1b1f24" }

  private func percent(_ share: Double) -> String { "\(Int((100 * share).rounded())) %" }
}
