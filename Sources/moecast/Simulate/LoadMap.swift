import Chart
import ReportPage
import Wafer

/// How busy a system's dies, memories and links were, a mean over layers: as a picture, as a table,
/// or as members of JSON.
struct LoadMap {
  private let fabric: Fabric
  private let busy: BusySeconds
  private let layerSeconds: Double

  init(_ hardware: Hardware, _ busy: BusySeconds, layerSeconds: Double) {
    fabric = Fabric(hardware)
    self.busy = busy
    self.layerSeconds = layerSeconds
  }

  private func name(_ node: Int?) -> String {
    guard let node else { return "switch" }
    return fabric.tier(of: node)?.name ?? "\(node)"
  }

  /// `0>1`, `3>switch`, `host>0` or, between domains, `3>network`.
  private func name(_ link: LinkEnds) -> String {
    func end(_ node: Int?) -> String { node == nil && link.isScaleOut ? "network" : name(node) }
    return "\(end(link.from))>\(end(link.to))"
  }

  /// Busy seconds a layer: of compute by die, of memory by node, of links by their ends.
  var value: Value {
    func members(_ names: [String], _ seconds: [Double]) -> Value {
      .object(Dictionary(zip(names, seconds.map(Value.number)), uniquingKeysWith: { $1 }))
    }
    return .object([
      "compute": .list(busy.compute.map(Value.number)),
      "memory": members((0..<fabric.nodes).map(name), busy.memory),
      "links": members(fabric.linkEnds.map(name), busy.link),
    ])
  }

  /// A line a resource: its kind, its name, busy seconds a layer, and the share of the layer's time.
  var csv: String {
    func lines(_ kind: String, _ names: [String], _ seconds: [Double]) -> [[String]] {
      zip(names, seconds).map { name, seconds in
        [kind, name, "\(seconds)", "\(seconds / layerSeconds)"]
      }
    }
    let rows =
      [["resource", "name", "busy_seconds", "share"]]
      + lines("compute", (0..<fabric.dies).map { "\($0)" }, busy.compute)
      + lines("memory", (0..<fabric.nodes).map(name), busy.memory)
      + lines("link", fabric.linkEnds.map(name), busy.link)
    return rows.map(csvLine).joined(separator: "\n") + "\n"
  }

  /// Dies in their places, each in the shade of its memory or compute, whichever was busier, and
  /// links in that of theirs; memories behind them or a switch stand above.
  func svg(title: String) -> String {
    let network = BusyNetwork(fabric, busy, layerSeconds: layerSeconds)
    return NetworkMap(
      title, scale: "busy for the whole layer", nodes: network.nodes, links: network.links
    ).svg
  }
}
