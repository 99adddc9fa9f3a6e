import Wafer

/// A layer's timeline as Chrome trace events, which Perfetto and chrome://tracing open: compute,
/// memories and links are processes, each die, node and link a thread of them.
struct TraceEvents {
  private let timeline: Timeline
  private let fabric: Fabric

  init(_ timeline: Timeline, on hardware: Hardware) {
    self.timeline = timeline
    fabric = Fabric(hardware)
  }

  private static let processes = ["compute", "memory", "links"]

  private func track(_ resource: Span.Resource) -> (process: Int, thread: Int) {
    switch resource {
    case .compute(let die): (0, die)
    case .memory(let node): (1, node)
    case .link(let link): (2, link)
    }
  }

  private func node(_ node: Int?, isScaleOut: Bool = false) -> String {
    guard let node else { return isScaleOut ? "network" : "switch" }
    return fabric.tier(of: node)?.name ?? "die \(node)"
  }

  /// The file's text: times in microseconds, as the format has them.
  var json: String {
    var events: [String] = []
    func name(_ kind: String, _ process: Int, _ thread: Int, _ name: String) {
      events.append(
        "{\"ph\":\"M\",\"name\":\"\(kind)\",\"pid\":\(process),\"tid\":\(thread),"
          + "\"args\":{\"name\":\"\(name)\"}}")
    }
    for (process, title) in Self.processes.enumerated() { name("process_name", process, 0, title) }
    for die in 0..<fabric.dies { name("thread_name", 0, die, node(die)) }
    for memory in 0..<fabric.nodes { name("thread_name", 1, memory, node(memory)) }
    for (link, ends) in fabric.linkEnds.enumerated() {
      let isScaleOut = ends.isScaleOut
      name(
        "thread_name", 2, link,
        "\(node(ends.from, isScaleOut: isScaleOut)) to \(node(ends.to, isScaleOut: isScaleOut))")
    }
    for span in timeline.spans {
      let (process, thread) = track(span.resource)
      let task = timeline.plan[span.task]
      events.append(
        "{\"ph\":\"X\",\"name\":\"expert \(task.expert)\",\"cat\":\"\(span.kind.rawValue)\","
          + "\"pid\":\(process),\"tid\":\(thread),\"ts\":\(span.begin * 1e6),"
          + "\"dur\":\((span.end - span.begin) * 1e6),"
          + "\"args\":{\"kind\":\"\(span.kind.rawValue)\",\"requests\":\(task.requests),"
          + "\"from\":\"\(node(Int(task.source)))\",\"at\":\"\(node(Int(task.die)))\"}}")
    }
    return "{\"displayTimeUnit\":\"ns\",\"otherData\":{\"step\":\(timeline.step),"
      + "\"layer\":\(timeline.layer),\"system\":\"\(fabric.hardware.name.filter(Self.isPlain))\"},"
      + "\"traceEvents\":[\n" + events.joined(separator: ",\n") + "\n]}\n"
  }

  /// Whether a character stands in JSON as it is.
  private static func isPlain(_ character: Character) -> Bool {
    character != "\"" && character != "\\" && character.unicodeScalars.allSatisfy { $0.value >= 32 }
  }
}
