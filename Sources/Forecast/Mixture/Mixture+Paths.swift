import RoutingTrace

/// What a mixture remembers of single tokens, for reports.
extension Mixture {
  /// The sets of experts that the stored tokens chose in a layer, each ascending; nil where the
  /// mixture stores no paths.
  ///
  /// - Parameter layer: a MoE layer's ordinal.
  /// - Complexity: O(stored tokens x E).
  public func storedChoices(ofLayer layer: Int) -> [[UInt16]]? {
    guard let paths else { return nil }
    return (0..<min(paths.written, paths.capacity)).map { slot in
      var experts: [UInt16] = []
      for word in 0..<paths.words {
        var bits = paths.masks[paths.sets[slot, layer, word]]
        while bits != 0 {
          experts.append(UInt16(word * 64 + bits.trailingZeroBitCount))
          bits &= bits - 1
        }
      }
      return experts
    }
  }
}
