/// Makes the placement of one layer cheaper by letting two experts change places, as long as that
/// helps and no GPU's load goes beyond a limit; GPUs keep their number of experts.
///
/// The cost of a placement is the sum over experts of `cost[expert, GPU]`, which may depend on the
/// experts beside it: with `pairs` it is what an expert has in common with all others of the GPU.
struct SwapSearch {
  private let experts: Int
  private let gpus: Int
  private let loads: [Double]
  private let limit: Double
  /// `[E, E]`: what two experts on one GPU cost; nil where they do not matter to each other.
  private let pairs: [Double]?
  /// `[E, G]`: what an expert on a GPU costs as the others lie.
  private var cost: [Double]
  private var gpuOf: [Int]
  private var sums: [Double]
  /// Gains below this are rounding.
  private let least: Double

  /// Passes over all pairs of experts; a handful is enough in practice.
  private static let mostPasses = 32

  /// - Parameters:
  ///   - gpuOf: By expert: its GPU to begin with.
  ///   - limit: The load that a GPU may have.
  ///   - cost: `[E, G]`, beside what `pairs` say.
  ///   - pairs: `[E, E]`, symmetric; the diagonal is passed over.
  init(
    _ gpuOf: [Int], gpus: Int, loads: [Double], limit: Double, cost: [Double],
    pairs: [Double]? = nil
  ) {
    (experts, self.gpus, self.loads, self.limit) = (gpuOf.count, gpus, loads, limit)
    (self.gpuOf, self.cost, self.pairs) = (gpuOf, cost, pairs)
    sums = Array(repeating: 0, count: gpus)
    for (expert, gpu) in gpuOf.enumerated() { sums[gpu] += loads[expert] }
    if let pairs {
      for expert in gpuOf.indices {
        for other in gpuOf.indices where other != expert {
          self.cost[expert * gpus + gpuOf[other]] += pairs[expert * experts + other]
        }
      }
    }
    least = 1e-9 * self.cost.reduce(0) { max($0, abs($1)) }
  }

  /// The GPU of every expert once no change of places helps.
  ///
  /// - Complexity: O(E²) a pass, and with pairs O(E) a change.
  mutating func run() -> [Int] {
    for _ in 0..<Self.mostPasses {
      var changes = 0
      for one in 0..<experts {
        for other in one + 1..<experts where helps(one, other) {
          swap(one, other)
          changes += 1
        }
      }
      if changes == 0 { break }
    }
    return gpuOf
  }

  private func helps(_ one: Int, _ other: Int) -> Bool {
    let (here, there) = (gpuOf[one], gpuOf[other])
    guard here != there else { return false }
    let shared = pairs.map { 2 * $0[one * experts + other] } ?? 0
    let gain =
      cost[one * gpus + here] + cost[other * gpus + there]
      - cost[one * gpus + there] - cost[other * gpus + here] + shared
    let more = loads[other] - loads[one]
    return gain > least && (more > 0 ? sums[here] + more : sums[there] - more) <= limit
  }

  private mutating func swap(_ one: Int, _ other: Int) {
    let (here, there) = (gpuOf[one], gpuOf[other])
    (gpuOf[one], gpuOf[other]) = (there, here)
    sums[here] += loads[other] - loads[one]
    sums[there] += loads[one] - loads[other]
    guard let pairs else { return }
    for expert in 0..<experts {
      let left = expert == one ? 0 : pairs[expert * experts + one]
      let came = expert == other ? 0 : pairs[expert * experts + other]
      cost[expert * gpus + here] += came - left
      cost[expert * gpus + there] += left - came
    }
  }
}

/// A placement without copies that is balanced by load, with how far others may leave its balance.
struct BalancedStart {
  /// By expert: its GPU.
  let gpuOf: [Int]
  /// The load that a GPU may have: the mean and the tolerance, or the highest load here if that is
  /// more.
  let limit: Double

  init(_ loads: [Double], on layout: DeviceLayout, tolerance: Double) {
    let packs = BalancedPacks.packs(loads, count: layout.gpus, size: layout.slotsPerGPU)
    var gpuOf = Array(repeating: 0, count: loads.count)
    for (gpu, experts) in packs.enumerated() { for expert in experts { gpuOf[expert] = gpu } }
    let highest = packs.map { $0.reduce(0) { $0 + loads[$1] } }.max() ?? 0
    let mean = loads.reduce(0, +) / Double(layout.gpus)
    self.gpuOf = gpuOf
    // Sums that are kept up differ from sums made anew by roundings.
    limit = max(highest, mean * (1 + tolerance)) * (1 + 1e-12)
  }
}

extension DeviceLayout {
  /// The slots in which experts lie on these GPUs, as many on each, in ascending order.
  func slots(_ gpuOf: [Int]) -> [Int] {
    gpuOf.indices.sorted { (gpuOf[$0], $0) < (gpuOf[$1], $1) }
  }
}
