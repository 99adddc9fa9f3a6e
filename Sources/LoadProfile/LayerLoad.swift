#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// How evenly the experts of one layer are used.
public struct LayerLoad: Equatable, Sendable {
  /// The model's own number of the layer.
  public let layer: Int
  /// Choices of the layer.
  public let choices: UInt64
  /// The most used expert, the lowest of equals, and its share of the choices.
  public let mostUsed: Int
  public let mostUsedShare: Double
  /// The least used expert, the lowest of equals, and its share of the choices.
  public let leastUsed: Int
  public let leastUsedShare: Double
  /// The most used expert's choices over the mean of all experts.
  public let mostUsedOverMean: Double
  /// The share of the choices that a fifth of the experts takes, the most used ones.
  public let topFifthShare: Double
  /// 2 to the entropy of the shares: as many experts, evenly used, would be as uncertain.
  public let effectiveExperts: Double
  /// Experts that were never chosen.
  public let unused: Int
  /// The mean over windows of the most used expert's choices over the mean; that of all together
  /// where there is one window. Windows without choices do not count.
  public let mostUsedOverMeanInWindows: Double
}

extension LoadProfile {
  /// The load of every layer that was used.
  ///
  /// - Complexity: O(counts + layers x experts log experts).
  public var layerLoads: [LayerLoad] {
    let totals = totals
    return layers.indices.compactMap { place in
      let counts = Array(totals[place * experts..<(place + 1) * experts])
      let sum = counts.reduce(0, +)
      guard sum > 0, let most = counts.max(), let least = counts.min() else { return nil }
      let all = Double(sum)
      let top = counts.sorted(by: >).prefix(max(1, Int((Double(experts) * 0.2).rounded())))
      let bits = counts.reduce(0.0) { bits, count in
        let share = Double(count) / all
        return count > 0 ? bits - share * log2(share) : bits
      }
      return LayerLoad(
        layer: layers[place], choices: sum, mostUsed: counts.firstIndex(of: most) ?? 0,
        mostUsedShare: Double(most) / all, leastUsed: counts.firstIndex(of: least) ?? 0,
        leastUsedShare: Double(least) / all,
        mostUsedOverMean: Double(most) / all * Double(experts),
        topFifthShare: Double(top.reduce(0, +)) / all, effectiveExperts: exp2(bits),
        unused: counts.count { $0 == 0 }, mostUsedOverMeanInWindows: imbalanceInWindows(place))
    }
  }

  /// The mean over windows with choices of the most used expert over the mean.
  private func imbalanceInWindows(_ layer: Int) -> Double {
    var (sum, windows) = (0.0, 0)
    for window in self.windows.indices {
      let first = (window * layers.count + layer) * experts
      let counts = counts[first..<first + experts]
      let all = counts.reduce(0, +)
      guard all > 0, let most = counts.max() else { continue }
      sum += Double(most) / Double(all) * Double(experts)
      windows += 1
    }
    return windows > 0 ? sum / Double(windows) : 0
  }
}
