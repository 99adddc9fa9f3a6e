/// Blocks along time, a lane a kind, as high as their numbers: what happened when, as SVG.
///
/// ```swift
/// let plot = LanePlot(
///   "Staging", time: Axis("time (µs)", key: "seconds", format: .prefixed("s")), value: "reads",
///   lanes: ["on demand", "on time"], blocks: [.init(lane: 0, begin: 0, end: 2e-6, value: 3)])
/// ```
public struct LanePlot: Plot {
  /// Something that took from a time to another.
  public struct Block: Hashable, Sendable {
    /// Which lane, counted from 0.
    public var lane: Int
    /// When, on the time's axis.
    public var begin: Double
    public var end: Double
    /// How many.
    public var value: Double
    /// What is said of it beside that.
    public var note: String?

    /// A block of a lane.
    public init(lane: Int, begin: Double, end: Double, value: Double, note: String? = nil) {
      self.lane = lane
      self.begin = begin
      self.end = end
      self.value = value
      self.note = note
    }
  }

  /// What it shows, for those who do not see it.
  public var title: String
  /// Along the foot.
  public var time: Axis
  /// What a block's number counts, in the plural.
  public var value: String
  /// From above; lane n has the class `sn`.
  public var lanes: [String]
  /// In any order; those of lanes that there are not, or of nothing, are left out.
  public var blocks: [Block]

  private static let (width, left, right, top, lane) = (400.0, 74.0, 10.0, 8.0, 44.0)

  /// Blocks in lanes.
  public init(_ title: String, time: Axis, value: String, lanes: [String], blocks: [Block]) {
    self.title = title
    self.time = time
    self.value = value
    self.lanes = lanes
    self.blocks = blocks.filter {
      lanes.indices.contains($0.lane) && $0.value > 0 && $0.end > $0.begin
    }
  }

  public var legend: [LegendEntry] { [] }

  public var data: PlotData {
    PlotData(
      columns: ["lane", "begin_\(time.key)", "end_\(time.key)", value.replacing(" ", with: "_")],
      rows: blocks.map {
        [.text(lanes[$0.lane]), .number($0.begin), .number($0.end), .number($0.value)]
      })
  }

  /// - Complexity: linear in the blocks.
  public var svg: String? {
    guard let most = blocks.map(\.value).max(),
      let scale = time.scale(blocks.flatMap { [$0.begin, $0.end] }, isTight: true)
    else { return nil }
    let foot = Self.top + Self.lane * Double(lanes.count)
    func x(_ value: Double) -> Double {
      Self.left + scale.place(value) * (Self.width - Self.left - Self.right)
    }
    var parts = [
      "<svg viewBox=\"0 0 \(pixels(Self.width)) \(pixels(foot + 38))\" role=\"img\" "
        + "aria-label=\"\(escaped(title))\">"
    ]
    for (index, name) in lanes.enumerated() {
      let base = Self.top + Self.lane * Double(index + 1) - 4
      parts.append(
        "<line class=\"grid\" x1=\"\(pixels(Self.left))\" x2=\"\(pixels(Self.width - Self.right))\" "
          + "y1=\"\(pixels(base))\" y2=\"\(pixels(base))\"/>"
          + "<text class=\"value\" text-anchor=\"end\" x=\"\(pixels(Self.left - 8))\" "
          + "y=\"\(pixels(base - 2))\">\(escaped(name))</text>")
    }
    for block in blocks {
      let base = Self.top + Self.lane * Double(block.lane + 1) - 4
      let height = max(1, block.value / most * (Self.lane - 12))
      let text =
        "\(lanes[block.lane]): \(ValueFormat.prefixed().text(block.value)) \(value)"
        + (block.note.map { ", " + $0 } ?? "")
      parts.append(
        "<rect class=\"s\(block.lane)\" x=\"\(pixels(x(block.begin)))\" y=\"\(pixels(base - height))\" "
          + "width=\"\(pixels(max(0.6, x(block.end) - x(block.begin) - 0.3)))\" "
          + "height=\"\(pixels(height))\"><title>\(escaped(text))</title></rect>")
    }
    for tick in scale.ticks {
      parts.append(
        "<text class=\"text\" text-anchor=\"middle\" x=\"\(pixels(x(tick)))\" "
          + "y=\"\(pixels(foot + 12))\">\(escaped(time.format.tick(tick)))</text>")
    }
    parts.append(
      "<text class=\"title\" text-anchor=\"end\" x=\"\(pixels(Self.width - Self.right))\" "
        + "y=\"\(pixels(foot + 30))\">\(escaped(time.title))</text></svg>")
    return parts.joined(separator: "\n")
  }
}
