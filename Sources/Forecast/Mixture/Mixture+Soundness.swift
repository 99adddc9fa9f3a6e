import Counting
import RoutingTrace

/// What state that was read must keep for the kernels to trust it: every index is inside, every
/// counter that is counted on has room, every number is one, and what is kept twice agrees.
extension Mixture {
  /// What is wrong with state that was read, in words that follow its place; nil for sound state.
  ///
  /// - Parameters:
  ///   - tokens: tokens of the stream so far.
  ///   - chosen: how often each expert was chosen, one list a MoE layer.
  /// - Complexity: O(bytes of the tables).
  public func fault(tokens: Int, chosen: [[UInt32]]) -> String? {
    guard paths?.isSound(tokens: tokens) ?? true else {
      return "holds stored paths that no \(tokens) tokens can have left"
    }
    for (layer, own) in layers.enumerated() {
      guard own.countsAreSound(chosen: chosen[layer]) else {
        return "counts in MoE layer \(layer) what was not chosen there"
      }
      guard own.histories.isSound(tokens: tokens) else {
        return "counts in MoE layer \(layer) more for a live request than it can have chosen"
      }
      guard own.repeats.isSound(experts: shape.experts) else {
        return "repeats in MoE layer \(layer) sets of experts that there are not"
      }
      guard own.weightsAreSound else {
        return "weighs in MoE layer \(layer) by what is no weight"
      }
    }
    return nil
  }
}

extension MixtureLayer {
  /// Rows add up to their totals, and count what was chosen: nothing halved, the sum of frequency
  /// is that of the integer tables and no row's is more.
  fileprivate func countsAreSound(chosen: [UInt32]) -> Bool {
    let tables = [frequency] + rows + pairs.map(\.table)
    guard tables.allSatisfy(\.isSound) else { return false }
    let pairKeys = UInt64(experts) * UInt64(experts)
    guard pairs.allSatisfy({ $0.keys.allSatisfy { $0 <= pairKeys } }) else { return false }
    // Each row of a table that halves has been halved as often as it was full, so no two compare.
    guard frequency.halvingTotal == 0 else { return true }
    let sum = frequency.totals[0]
    return frequency.cells.values.prefix(experts).elementsEqual(chosen)
      && tables.allSatisfy { table in table.totals.allSatisfy { $0 <= sum } }
  }

  fileprivate var weightsAreSound: Bool {
    weights.allSatisfy(Self.isWeight) && linear.values.allSatisfy(Self.isWeight)
      && power.allSatisfy { $0 >= 0 && Self.isWeight($0) }
  }

  /// Far more than learning comes to, and no NaN.
  private static func isWeight(_ value: Float) -> Bool { abs(value) < 1e9 }
}

extension RowTable {
  /// Whether every row adds up to its total, within 31 bits.
  var isSound: Bool {
    cells.withUnsafeBufferPointer { cells in
      totals.indices.allSatisfy { row in
        var sum: UInt64 = 0
        for cell in cells[row * lanes..<(row + 1) * lanes] { sum &+= UInt64(cell) }
        return sum == UInt64(totals[row]) && sum <= UInt64(LayerCounts.maximumTokens)
      }
    }
  }
}

extension RepeatTable {
  /// Whether places hold no more sets than they have room for, of experts that there are.
  func isSound(experts: Int) -> Bool {
    counts.allSatisfy { $0 <= Self.depth }
      && sets.allSatisfy { $0 < experts || $0 == TokenBlock.emptySlot }
  }
}

extension RequestHistories {
  /// No request chose an expert more often than there were tokens; an event adds 1 to a decayed
  /// frequency and takes a tenth from it, so 10 is never passed.
  func isSound(tokens: Int) -> Bool {
    counts.allSatisfy { $0 <= tokens } && recent.allSatisfy { (0...10.001).contains($0) }
  }
}

extension PathMemory {
  /// Numbers are those of tokens that were stored, sets are of experts that there are, and scores
  /// such as matches of all layers and half of the token's before can add up to.
  func isSound(tokens: Int) -> Bool {
    guard written <= min(tokens, LayerCounts.maximumTokens) else { return false }
    let numbers = -1..<Int32(written)
    return setsAreSound
      && successors.allSatisfy(numbers.contains) && lastStored.allSatisfy(numbers.contains)
      && trails.counts.allSatisfy { (0...Int32(min(written, Self.followed))).contains($0) }
      && trails.tokens.allSatisfy { (0..<max(1, Int32(written))).contains($0) }
      && trails.scores.indices.allSatisfy {
        (0...mostScore(Self.metrics[$0 % Self.metrics.count])).contains(trails.scores[$0])
      }
  }

  /// What a score can come to: all experts shared in all layers, and what is kept of the token
  /// before.
  private func mostScore(_ metric: Metric) -> Int32 {
    // A metric whose layers fade keeps 179/256 of the score from layer to layer, which sums to less
    // than 1 / (1 - 179/256) < 4 layers' worth. One whose layers do not fade adds up all of them,
    // and half of the previous token's score on top.
    Int32(metric.layerKeep < 256 ? 4 * topK : 2 * layers * topK) << Self.unitShift
  }

  private var setsAreSound: Bool {
    let beyond: UInt64 = experts % 64 == 0 ? 0 : ~((1 << UInt64(experts % 64)) - 1)
    return stride(from: 0, to: min(written, capacity) * layers * words, by: words).allSatisfy {
      var count = 0
      for word in $0..<$0 + words { count += masks[word].nonzeroBitCount }
      return count <= topK && masks[$0 + words - 1] & beyond == 0
    }
  }
}
