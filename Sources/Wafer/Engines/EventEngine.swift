/// The discrete-event engine: weights travel in chunks through first-in-first-out servers.
///
/// A die asks for its tasks' chunks one after another, `windowBytes` of them at a time. A request
/// travels to the source (`hops * (link latency + command bytes / bandwidth)`), is served by its
/// LLC or, one chunk after another, by its HBM, crosses every link of the way back (store and
/// forward: a link is busy for `bytes / bandwidth`, the chunk arrives a latency later), may be
/// copied into the die's HBM, and is computed; then the die asks for its next chunk. The chunk's
/// share of the requests' activations holds the die's HBM meanwhile. A layer ends when all is
/// computed and written. Events of equal time run in the order in which they were made.
///
/// ```swift
/// var engine = EventEngine()
/// engine.chunkBytes = 1e6
/// let result = engine.run(plan, copies: [], expert: expert, on: fabric)
/// ```
public struct EventEngine: Hashable, Sendable {
  /// In which order a die asks for its tasks.
  public enum Order: String, CaseIterable, Sendable {
    /// As planned: all dies begin with the same experts.
    case plan
    /// Die d begins at its task d * n / D.
    case rotated
  }

  /// Weights are cut into equal chunks of at most this.
  public var chunkBytes = 4e6
  /// What a die may have asked for and not yet computed; at least one chunk.
  public var windowBytes = 32e6
  /// Whether dies' last-level caches keep what was read.
  public var usesLLC = true
  /// In which order a die asks for its tasks.
  public var order = Order.plan
  /// Whether memories are timed by reads alone, as in the reference: activations take no time there,
  /// and copies may be written after the layer's end. A layer may then be shorter than the bound
  /// engine has it.
  public var readsAlone = false

  /// Chunks of an expert at most, to keep memory in proportion to the work.
  package static let maximumChunks = 65_536.0

  /// Chunks of 4 MB, a window of 32 MB, with LLC, in the plan's order.
  public init() {}

  /// What is wrong with the options for experts of `weightBytes`, or nil.
  public func problem(weightBytes: Double) -> String? {
    guard chunkBytes > 0, (weightBytes / chunkBytes).rounded(.up) <= Self.maximumChunks else {
      return "chunks of \(chunkBytes) bytes would cut an expert of \(weightBytes) bytes into more"
        + " than 65,536; take larger chunks"
    }
    guard windowBytes >= 0, windowBytes.isFinite else {
      return "a window of \(windowBytes) bytes is impossible"
    }
    return nil
  }

  /// Runs one layer.
  ///
  /// - Precondition: ``problem(weightBytes:)`` is nil.
  /// - Complexity: O(tasks * chunks * hops) time, O(tasks * chunks) memory.
  public func run(
    _ tasks: [ExpertTask], copies: [ExpertCopy], expert: ExpertCost, on fabric: Fabric
  ) -> LayerResult {
    var nothing = NoBackgroundTraffic()
    var record = NoTimelineRecord()
    return time(
      tasks, copies: copies, expert: expert, on: fabric, llcBytes: nil, beside: &nothing,
      noting: &record)
  }

  /// Runs one layer as ``run(_:copies:expert:on:)`` does, and tells what its chunks held meanwhile.
  func spans(
    _ tasks: [ExpertTask], copies: [ExpertCopy], expert: ExpertCost, on fabric: Fabric
  ) -> [Span] {
    var nothing = NoBackgroundTraffic()
    var record = SpanRecord()
    _ = time(
      tasks, copies: copies, expert: expert, on: fabric, llcBytes: nil, beside: &nothing,
      noting: &record)
    return record.spans
  }

  /// Runs one layer beside transfers; a layer without tasks leaves them where they are.
  ///
  /// - Parameter llcBytes: What demand may use of every LLC.
  package func run(
    _ tasks: [ExpertTask], copies: [ExpertCopy], expert: ExpertCost, on fabric: Fabric,
    llcBytes: Double, beside transfers: inout TransferTraffic
  ) -> LayerResult {
    var record = NoTimelineRecord()
    return time(
      tasks, copies: copies, expert: expert, on: fabric, llcBytes: llcBytes, beside: &transfers,
      noting: &record)
  }

  /// - Parameter llcBytes: What demand may use of every LLC; nil for all of it.
  private func time<Side: BackgroundTraffic, Record: TimelineRecord>(
    _ tasks: [ExpertTask], copies: [ExpertCopy], expert: ExpertCost, on fabric: Fabric,
    llcBytes: Double?, beside side: inout Side, noting record: inout Record
  ) -> LayerResult {
    precondition(problem(weightBytes: expert.weightBytes) == nil)
    var result = LayerResult(tasks: tasks, copies: copies.count, on: fabric)
    guard !tasks.isEmpty else { return result }
    let run = EventRun(
      self, tasks, copies: copies, expert: expert, on: fabric, llcBytes: llcBytes)
    // The bound engine's time over the number of events is how far apart they lie on average.
    let least = BoundEngine().run(tasks, copies: copies, expert: expert, on: fabric).seconds
    let events = Double(run.chunks * (3 * tasks.count + result.hops))
    run.simulate(
      spacing: least / events, into: &result, beside: &side, noting: &record)
    return result
  }
}

extension Double {
  /// How many whole `parts` fit, by exact remainder (a division may round up to the next one).
  package func wholeParts(of part: Double) -> Int {
    let whole = (self - truncatingRemainder(dividingBy: part)) / part
    return Int(min(whole.rounded(), 0x1p40))
  }
}
