/// How narrow the choices are that follow an expert: observations 1 and 2.
struct RelationFigures {
  /// The share of its row that the most used expert's top 20 % hold.
  private(set) var mostUsed: Double?
  /// The same of a row drawn from the layer's popularity.
  private(set) var mostUsedByChance: Double?
  /// The share of all rows that lies on each one's own top 20 %: every expert weighs by its choices.
  private(set) var all: Double?
  /// The same of rows drawn from the layer's popularity.
  private(set) var allByChance: Double?

  /// Rows drawn for the most used expert.
  private static let draws = 16

  /// - Parameters:
  ///   - pairs: E x E counts, given by chosen.
  ///   - given: how often each expert was given.
  ///   - popularity: how often each expert was chosen.
  ///   - top: experts in the top 20 %.
  ///   - seed: of the rows drawn.
  init(pairs: [UInt32], given: [UInt32], popularity: [UInt32], top: Int, seed: UInt64) {
    let experts = popularity.count
    guard pairs.count == experts * experts else { return }
    var chance = ChanceRow(popularity: popularity.map(Double.init), seed: seed)
    if let expert = Concentration.members(1, of: given).first {
      let row = Array(pairs[expert * experts..<(expert + 1) * experts])
      mostUsed = Concentration.share(ofTop: top, in: row)
      if mostUsed != nil {
        mostUsedByChance = chance.share(
          ofTop: top, total: Self.total(row), draws: Self.draws)
      }
    }
    var (held, heldByChance, total) = (0.0, 0.0, 0.0)
    for expert in 0..<experts {
      let row = Array(pairs[expert * experts..<(expert + 1) * experts])
      let weight = Self.total(row)
      guard let share = Concentration.share(ofTop: top, in: row) else { continue }
      total += weight
      held += share * weight
      // A row that is drawn empty tells nothing; one expert of one choice holds all of it.
      heldByChance += (chance.share(ofTop: top, total: weight, draws: 1) ?? 1) * weight
    }
    guard total > 0 else { return }
    all = held / total
    allByChance = heldByChance / total
  }

  private static func total(_ row: [UInt32]) -> Double { row.reduce(0) { $0 + Double($1) } }
}
