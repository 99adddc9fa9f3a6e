import Forecast
import RoutingTrace

/// Which of a fixed number of groups a request's figures are added up in.
///
/// The first ``RequestGroups/count`` requests are alone in theirs; those after them share the groups by a
/// hash of their ordinal. So memory does not grow with requests, and resampling groups is resampling
/// requests for as long as there are few, and independent batches of them from then on.
struct RequestGroups: Hashable, Sendable {
  /// Groups at most.
  static let count = 4096
  /// Requests under way that are remembered.
  static let liveRequests = 1 << 16

  private var live = RequestBook<Int32>(capacity: liveRequests)
  /// Requests begun.
  private var begun = 0
  /// Whether a request under way has ever been forgotten.
  private var hasForgotten = false

  /// The group of every token of a block.
  ///
  /// It depends on the order of the runs alone: not on where chunks begin.
  mutating func resolve(_ block: TokenBlock) -> [Int32] {
    var groups: [Int32] = []
    groups.reserveCapacity(block.tokens)
    for run in block.runs {
      if run.count > 0 {
        let group = live[run.request] ?? newGroup(run)
        groups += repeatElement(group, count: run.count)
        if live.note(run.request, group) != nil { hasForgotten = true }
      }
      if run.endsRequest { live.remove(run.request) }
    }
    return groups
  }

  private mutating func newGroup(_ run: TokenRun) -> Int32 {
    // One that was forgotten stays together from here on, whenever it is forgotten again.
    if hasForgotten, run.firstToken > 0 { return Self.hashed(run.request) }
    defer { begun += 1 }
    return begun < Self.count ? Int32(begun) : Self.hashed(UInt64(begun))
  }

  private static func hashed(_ number: UInt64) -> Int32 {
    var random = SeededGenerator(seed: number)
    return Int32(random.next() % UInt64(count))
  }
}
