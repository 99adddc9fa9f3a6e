import Wafer

/// A layer's timeline as Chrome trace events, which Perfetto and chrome://tracing open: compute,
/// memories and links are processes, each die, node and link a thread of them.
///
/// Processes are counted from 1 and threads through all of them, since Perfetto takes process 0 for
/// the idle one and a thread's number for its own everywhere.
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
    case .compute(let die): (1, 1 + die)
    case .memory(let node): (2, 1 + fabric.dies + node)
    case .link(let link): (3, 1 + fabric.dies + fabric.nodes + link)
    }
  }

  private func node(_ node: Int?, isScaleOut: Bool = false) -> String {
    guard let node else { return isScaleOut ? "network" : "switch" }
    return fabric.tier(of: node)?.name ?? "die \(node)"
  }

  /// Microseconds with three places: in whole nanoseconds, what follows another on a resource does
  /// not overlap it where a viewer rounds.
  private func microseconds(_ nanoseconds: Int) -> String {
    let rest = "\(1000 + nanoseconds % 1000)".dropFirst()
    return "\(nanoseconds / 1000).\(rest)"
  }

  /// The file's text: times in microseconds, as the format has them.
  var json: String {
    var events: [String] = []
    func name(_ kind: String, _ track: (process: Int, thread: Int), _ name: String) {
      events.append(
        "{\"ph\":\"M\",\"name\":\"\(kind)\",\"pid\":\(track.process),\"tid\":\(track.thread),"
          + "\"args\":{\"name\":\"\(name)\"}}")
    }
    let first: [Span.Resource] = [.compute(0), .memory(0), .link(0)]
    for (resource, title) in zip(first, Self.processes) {
      name("process_name", track(resource), title)
    }
    for die in 0..<fabric.dies { name("thread_name", track(.compute(die)), node(die)) }
    for memory in 0..<fabric.nodes { name("thread_name", track(.memory(memory)), node(memory)) }
    for (link, ends) in fabric.linkEnds.enumerated() {
      let isScaleOut = ends.isScaleOut
      name(
        "thread_name", track(.link(link)),
        "\(node(ends.from, isScaleOut: isScaleOut)) to \(node(ends.to, isScaleOut: isScaleOut))")
    }
    for span in timeline.spans {
      let (process, thread) = track(span.resource)
      let task = timeline.plan[span.task]
      let begin = Int((span.begin * 1e9).rounded())
      let end = Int((span.end * 1e9).rounded())
      // Activations of a chunk's few requests, shorter than that, would be marks beside the bars.
      guard end > begin else { continue }
      events.append(
        "{\"ph\":\"X\",\"name\":\"expert \(task.expert)\",\"cat\":\"\(span.kind.rawValue)\","
          + "\"pid\":\(process),\"tid\":\(thread),\"ts\":\(microseconds(begin)),"
          + "\"dur\":\(microseconds(end - begin)),"
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
