import Counting
import RoutingTrace

/// Which of a fixed number of groups a request's figures are added up in.
///
/// The first ``RequestGroups/count`` requests are alone in theirs; those after them share the
/// groups by a hash of their ordinal. So memory does not grow with requests, and resampling groups
/// is resampling requests for as long as there are few, and independent batches of them from then
/// on.
struct RequestGroups: Codable, Hashable, Sendable {
  /// Groups at most.
  static let count = 4096

  /// The group of each place's request.
  private var live: [Int32] = []
  /// Requests that were given a group by their ordinal.
  private(set) var begun = 0
  /// Whether a request under way has ever been forgotten.
  private var hasForgotten = false

  /// Whether these can be the groups of requests that have so many places: what a file says may be
  /// anything.
  func isSound(places: Int) -> Bool {
    live.count <= places && (0...1 << 60).contains(begun)
      && live.allSatisfy { (0..<Int32(Self.count)).contains($0) }
  }

  /// The group of every token of a block.
  ///
  /// Groups depend on the order of the runs alone, not on where chunks begin.
  mutating func resolve(_ block: EventBlock) -> [Int32] {
    live += repeatElement(0, count: block.places - live.count)
    var groups: [Int32] = []
    groups.reserveCapacity(block.tokens)
    for (run, owner) in zip(block.runs, block.runOwners) where run.count > 0 {
      if owner.isNew { live[owner.place] = newGroup(run) }
      if owner.displaces { hasForgotten = true }
      groups += repeatElement(live[owner.place], count: run.count)
    }
    return groups
  }

  /// The group of a request that begins, or that was forgotten and goes on.
  private mutating func newGroup(_ run: TokenRun) -> Int32 {
    // A request whose beginning was forgotten is hashed by its number, so that it stays in one
    // group from here on, however often it is forgotten again.
    if hasForgotten, run.firstToken > 0 { return Self.hashed(run.request) }
    defer { begun += 1 }
    return begun < Self.count ? Int32(begun) : Self.hashed(UInt64(begun))
  }

  /// The group that a number is hashed to, all groups alike.
  private static func hashed(_ number: UInt64) -> Int32 {
    var random = SeededGenerator(seed: number)
    return Int32(random.next() % UInt64(count))
  }
}
