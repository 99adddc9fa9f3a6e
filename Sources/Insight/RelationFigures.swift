/// How narrow the choices are that follow an expert: observations 1 and 2.
struct RelationFigures {
  /// The share of its row that the most used expert's top 20 % hold.
  private(set) var mostUsed: Double?
  /// The same did popularity alone fill the row.
  private(set) var mostUsedByChance: Double?
  /// The share of all rows that lies on each one's own top 20 %: every expert weighs by its
  /// choices.
  private(set) var all: Double?
  /// The same did popularity alone fill the rows.
  private(set) var allByChance: Double?

  /// - Parameters:
  ///   - pairs: E x E counts, given by chosen; empty where there is nothing given.
  ///   - given: how often each expert was given.
  ///   - top: experts in the top 20 %.
  ///   - chance: the same of rows filled by the layer's popularity.
  init(pairs: [UInt32], given: [UInt32], top: Int, chance: inout ChanceShare) {
    let mostGiven = Concentration.members(1, of: given).first
    let experts = given.count
    var (held, heldByChance, total) = (0.0, 0.0, 0.0)
    for expert in 0..<(pairs.isEmpty ? 0 : experts) {
      let row = pairs[expert * experts..<(expert + 1) * experts]
      guard let share = Concentration.share(ofTop: top, in: row) else { continue }
      let sum = row.reduce(0) { $0 + Double($1) }
      let byChance = chance.share(ofSum: sum)
      total += sum
      held += share * sum
      heldByChance += byChance * sum
      if expert == mostGiven { (mostUsed, mostUsedByChance) = (share, byChance) }
    }
    guard total > 0 else { return }
    all = held / total
    allByChance = heldByChance / total
  }
}
