import Demand
import Wafer

/// What lies where: experts in their homes, and copies of them in the dies' HBM, with the rule by
/// which copies come and go.
///
/// While a layer runs, the copies are held against those of the same run without forecasts
/// (``begin(beside:)``): what that one holds and this one has pushed out will be read again, which
/// is what forecasts may cost.
struct ResidentCopies {
  let placement: ExpertPlacement
  /// By die.
  private(set) var stores: [CopyStore]
  private let policy: EvictionPolicy
  /// Whether a newcomer must be worth clearly more than what it pushes out.
  private let holdsBack: Bool
  private let costs: TransferCosts
  private let schedule: BatchSchedule
  /// The copies of the run without forecasts, while a layer lasts; nil where there is none.
  private var baseline: [CopyStore]?
  /// Seconds that reading costs what that run holds and this one does not.
  private var displacedSeconds = 0.0

  /// - Parameter slots: Copies that each die may hold.
  init(
    placement: ExpertPlacement, slots: [Int], eviction: EvictionPolicy, holdsBack: Bool,
    schedule: BatchSchedule, costs: TransferCosts
  ) {
    self.placement = placement
    self.schedule = schedule
    self.costs = costs
    policy = eviction
    self.holdsBack = holdsBack
    stores = slots.map {
      CopyStore(slots: $0, layers: schedule.layers, experts: schedule.experts)
    }
  }

  // MARK: Where experts are

  /// Whether any die may hold copies.
  var areAllowed: Bool { stores.contains { $0.slots > 0 } }

  /// Homes and copies of one layer.
  ///
  /// - Complexity: O(dies * experts).
  func holders(layer: Int) -> Holders {
    var holders = placement.layers[layer]
    for die in stores.indices {
      for expert in stores[die].experts(ofLayer: layer) { holders.add(die: die, expert: expert) }
    }
    return holders
  }

  /// Seconds that reading an expert from its home takes a die.
  func homeSeconds(_ key: CopyKey) -> Double {
    let home = placement.layers[key.expert.layer].home(of: key.expert.expert)
    return costs.readSeconds(from: home, to: key.die)
  }

  /// Counts a read out of a die's own HBM.
  ///
  /// - Returns: Whether it was the first read of a copy that a transfer had brought.
  mutating func use(_ key: CopyKey, at turn: Turn) -> Bool {
    let isFresh = stores[key.die].isFresh(key.expert)
    stores[key.die].use(key.expert, at: turn.number)
    return isFresh
  }

  // MARK: What copies are worth

  /// Gives a layer's copies the worth that the forecast sees in them now.
  ///
  /// - Parameters:
  ///   - proposals: Those of the forecast's plan, with what they save.
  ///   - chance: The chance that an expert is asked for at the next step.
  mutating func revalue(
    _ proposals: [CopyProposal], layer: Int, at turn: Turn, chance: (Int) -> Double
  ) {
    let read = costs.fabric.hardware.writeSeconds(costs.expert)
    for die in stores.indices {
      stores[die].revalue(layer: layer) { copy in
        // Not part of the forecast's plan. Plans change with every request, so what has served
        // will serve again: it is worth its way as often as it was read.
        let steps = (turn.number - copy.arrived) / schedule.layers
        let rate = Double(copy.uses) / Double(steps + 1)
        let home = placement.layers[layer].home(of: copy.key.expert)
        let way = costs.readSeconds(from: home, to: die)
        return chance(copy.key.expert) * (1e-3 * read + 0.8 * rate * way)
      }
    }
    for proposal in proposals {
      stores[proposal.copy.die].setValue(
        proposal.seconds, of: ExpertKey(layer: layer, expert: proposal.copy.expert))
    }
  }

  /// The copy that would have to leave a die for a newcomer; nil while there is room.
  ///
  /// - Precondition: The policy is not Belady's, which looks at the turn.
  func victim(on die: Int) -> CopyStore.Copy? { stores[die].victim(policy, nextUse: { _ in 0 }) }

  /// Whether the run without forecasts holds a copy now.
  func baselineHolds(_ key: CopyKey) -> Bool { baseline?[key.die].holds(key.expert) ?? false }

  // MARK: Coming and going

  /// A layer begins.
  ///
  /// - Parameter baseline: What the run without forecasts holds, by die; nil where there is none.
  mutating func begin(beside baseline: [CopyStore]?) {
    self.baseline = baseline
    displacedSeconds = 0
    // What forecasts push out comes back when it is read, so a read each.
    for (die, store) in (baseline ?? []).enumerated() {
      for key in stores[die].missing(of: store) {
        displacedSeconds += homeSeconds(CopyKey(key, on: die))
      }
    }
  }

  /// The layer has ended: the run without forecasts goes on changing its copies.
  mutating func endTurn() { baseline = nil }

  /// What became of a copy that asked for a place.
  enum Admission {
    /// The policy has better uses for the place.
    case refused
    /// It is in; whether it pushed out a copy that a transfer had brought and nobody had read.
    case admitted(wastes: Bool)
  }

  /// Puts a copy into a die's HBM, where the policy evicts another if there is no room.
  ///
  /// - Parameters:
  ///   - isFresh: Whether a transfer brings it; else the die has just read it.
  ///   - mayRisk: Whether so many seconds may be lost for the forecasts' sake.
  mutating func admit(
    _ key: CopyKey, value: Double, isFresh: Bool, at turn: Turn, mayRisk: (Double) -> Bool
  ) -> Admission {
    let die = key.die
    guard stores[die].slots > 0, !stores[die].holds(key.expert) else { return .refused }
    let schedule = schedule
    func nextUse(_ key: ExpertKey) -> Int { turn.nextUse(of: key, in: schedule) }
    let way = homeSeconds(key)
    let isInBaseline = baselineHolds(key)
    let mayDisplace = mayRisk(displacedSeconds + (isInBaseline ? 0 : way))
    // What forecasts have pushed out comes back; unless they may judge what is worth its place.
    let returns = isInBaseline && !(mayDisplace && [.leastExpected, .belady].contains(policy))
    var wastes = false
    if let victim = stores[die].victim(
      policy, sparing: mayDisplace && !returns ? nil : baseline?[die], nextUse: nextUse)
    {
      let displaces = baselineHolds(CopyKey(victim.key, on: die))
      if displaces, isFresh, !mayDisplace { return .refused }
      switch policy {
      case .leastExpected:
        // Equals must not take turns: every change costs a read and a write.
        if !returns, value <= victim.value * (holdsBack ? 1.25 : 1) { return .refused }
      case .belady: if !returns, nextUse(key.expert) >= nextUse(victim.key) { return .refused }
      case .leastRecent, .leastFrequent: break
      }
      stores[die].remove(victim.key)
      wastes = victim.isFresh
      if displaces { displacedSeconds += homeSeconds(CopyKey(victim.key, on: die)) }
    }
    if isInBaseline { displacedSeconds -= way }
    stores[die].add(
      CopyStore.Copy(
        key: key.expert, lastUse: turn.number, arrived: turn.number, value: value,
        isFresh: isFresh))
    return .admitted(wastes: wastes)
  }
}
