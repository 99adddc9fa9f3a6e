import Wafer

/// The plans made in one layer's turn, each once: runs side by side often plan for the same requests
/// over the same holders.
struct PlanBook {
  private struct Page {
    let counts: [Int]
    let holders: Holders
    let plan: [ExpertTask]
  }

  private let setup: StagingSimulation
  private var pages: [Page] = []

  init(_ setup: StagingSimulation) { self.setup = setup }

  /// The next layer's turn begins.
  mutating func beginTurn() { pages.removeAll(keepingCapacity: true) }

  /// Algorithm 1 over the counts, rebalanced over copies.
  mutating func plan(_ counts: [Int], _ holders: Holders) -> [ExpertTask] {
    if let page = pages.first(where: { $0.counts == counts && $0.holders == holders }) {
      return page.plan
    }
    let plan = setup.plan(counts, holders)
    pages.append(Page(counts: counts, holders: holders, plan: plan))
    return plan
  }
}
