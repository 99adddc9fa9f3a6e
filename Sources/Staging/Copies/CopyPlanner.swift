import Glibc
import Wafer

/// Where copies of one layer's experts would pay at the next step.
///
/// The expected requests are planned as they would be if they came true, over homes, copies and
/// transfers under way. What that plan reads from elsewhere, and what ``Wafer/Rebalancing`` would
/// move from the busiest die to an idle one if a copy were there, is proposed. An expert of which r
/// requests are expected is read with the chance p = 1 - exp(-r) (requests arrive as a Poisson
/// variable).
struct CopyPlanner {
  /// Expected requests below this are not planned for.
  private static let least = 0.02

  let fabric: Fabric
  let expert: ExpertCost
  /// Requests of a block, as Algorithm 1 deals them.
  let blockSize: Int
  /// What a copy must save, as a share of its expert's read, before it is proposed.
  let margin: Double

  /// - Parameters:
  ///   - expected: Expected requests of every expert.
  ///   - holders: Who holds each expert, or will.
  ///   - hasRoom: Whether a die could take one more copy.
  ///   - plan: Plans request counts over holders.
  func proposals(
    expected: [Double], holders: Holders, hasRoom: (Int) -> Bool,
    plan: ([Int], Holders) -> [ExpertTask]
  ) -> [CopyProposal] {
    let counts = expected.map { $0 < Self.least ? 0 : max(1, Int($0.rounded())) }
    guard counts.contains(where: { $0 > 0 }) else { return [] }
    let chances = expected.map(chance)
    var tasks = plan(counts, holders)
    var rebalancing = Rebalancing(cost: expert, blockSize: blockSize, fabric: fabric)
    rebalancing.chances = chances
    rebalancing.proposalLimit = fabric.dies
    rebalancing.margin = margin
    var proposals = rebalancing.apply(to: &tasks, holders: holders, hasRoom: hasRoom)
    let taken = Set(proposals.map(\.copy))
    for task in tasks {
      let (expert, die, source) = (Int(task.expert), Int(task.die), Int(task.source))
      let copy = ExpertCopy(die: die, expert: expert)
      guard !taken.contains(copy) else { continue }
      let home = holders.home(of: expert)
      if source != die {
        let way = waySeconds(from: source, to: die)
        proposals.append(CopyProposal(copy, seconds: chances[expert] * way, isHeld: false))
      } else if home != die {
        // Without it, the weights would come from their home again.
        let back = waySeconds(from: home, to: die)
        proposals.append(CopyProposal(copy, seconds: chances[expert] * back, isHeld: true))
      }
    }
    return proposals
  }

  /// The chance that an expert of which `requests` are expected is asked for at all.
  func chance(_ requests: Double) -> Double { 1 - exp(-requests) }

  private func waySeconds(from source: Int, to die: Int) -> Double {
    fabric.slowestSeconds(expert.weightBytes, from: source, to: die)
  }
}
