/// What a chunk held while a layer ran, from when to when.
public struct Span: Hashable, Sendable {
  /// What was held.
  public enum Resource: Hashable, Sendable {
    /// A die's compute.
    case compute(Int)
    /// A node's memory.
    case memory(Int)
    /// A link, numbered as ``Fabric/linkEnds``.
    case link(Int)
  }

  /// What for.
  public enum Kind: String, Sendable {
    /// Weights read from a memory or crossing a link.
    case weights
    /// A copy written.
    case copy
    /// Activations read and written.
    case activations
    /// Requests computed.
    case compute
  }

  /// What was held.
  public let resource: Resource
  /// What for.
  public let kind: Kind
  /// The task, as a place in the layer's plan.
  public let task: Int
  /// Seconds from the layer's beginning.
  public let begin: Double
  /// Seconds from the layer's beginning.
  public internal(set) var end: Double
}

/// Everything that one layer's chunks held, as the event engine ran it.
public struct Timeline: Hashable, Sendable {
  /// Step of the schedule, counted from 0.
  public let step: Int
  /// MoE layer, counted from 0.
  public let layer: Int
  /// The layer's plan.
  public let plan: [ExpertTask]
  /// What was held, in the order in which it was booked; chunks of one task that held a resource one
  /// after another are one span.
  public let spans: [Span]
}

/// What notes the spans of an ``EventRun``, or nothing; without it the loop is compiled as if there
/// were no such thing.
protocol TimelineRecord {
  static var isPresent: Bool { get }

  mutating func note(
    _ resource: Span.Resource, from begin: Double, to end: Double, _ kind: Span.Kind,
    _ flight: Flight)
}

/// Notes nothing.
struct NoTimelineRecord: TimelineRecord {
  static var isPresent: Bool { false }

  func note(
    _ resource: Span.Resource, from begin: Double, to end: Double, _ kind: Span.Kind,
    _ flight: Flight
  ) {}
}

/// Notes every span.
struct SpanRecord: TimelineRecord {
  static var isPresent: Bool { true }
  private(set) var spans: [Span] = []
  /// The last span of every resource, as a place in `spans`.
  private var last: [Span.Resource: Int] = [:]

  mutating func note(
    _ resource: Span.Resource, from begin: Double, to end: Double, _ kind: Span.Kind,
    _ flight: Flight
  ) {
    let task = Int(flight.task)
    if let index = last[resource], spans[index].task == task, spans[index].kind == kind,
      begin - spans[index].end <= 1e-12
    {
      spans[index].end = end
      return
    }
    last[resource] = spans.count
    spans.append(Span(resource: resource, kind: kind, task: task, begin: begin, end: end))
  }
}
