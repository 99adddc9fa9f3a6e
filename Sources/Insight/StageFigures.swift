/// How far prefill tells of decode: observation 3.
struct StageFigures {
  /// The counts of prefill's tokens.
  let prefill: ScopedCounts
  /// The counts of decode's tokens.
  let decode: ScopedCounts

  /// The rank correlation of the two stages' frequencies.
  var frequencyRank: Double? {
    RankCorrelation.spearman(
      prefill.frequency.map(Double.init), decode.frequency.map(Double.init))
  }

  /// The rank correlation of P(j | i) over the cells of all rows that both stages have.
  func heatmapRank(_ table: (ScopedCounts) -> [UInt32]) -> Double? {
    let experts = prefill.frequency.count
    let (first, second) = (table(prefill), table(decode))
    guard first.count == experts * experts, second.count == first.count else { return nil }
    var (ours, theirs): ([Double], [Double]) = ([], [])
    for expert in 0..<experts {
      guard let a = ScopedCounts.conditional(first, given: expert, of: experts),
        let b = ScopedCounts.conditional(second, given: expert, of: experts)
      else { continue }
      ours += a
      theirs += b
    }
    return RankCorrelation.spearman(ours, theirs)
  }

  /// The share of decode's `n` most used experts that are among prefill's; nil where the layer has
  /// no more.
  func shared(_ n: Int) -> Double? {
    let tops = tops(n)
    return tops.map { Double($0.prefill.intersection($0.decode).count) / Double(n) }
  }

  /// The share of decode's choices that fall on prefill's `n` most used experts.
  func covered(_ n: Int) -> Double? {
    tops(n).map { tops in
      tops.prefill.reduce(0) { $0 + Double(decode.frequency[$1]) } / decode.choices
    }
  }

  /// Both stages' `n` most used experts; nil where the layer has no more than `n`.
  private func tops(_ n: Int) -> (prefill: Set<Int>, decode: Set<Int>)? {
    guard n < prefill.frequency.count else { return nil }
    return (
      Set(Concentration.members(n, of: prefill.frequency)),
      Set(Concentration.members(n, of: decode.frequency))
    )
  }
}
