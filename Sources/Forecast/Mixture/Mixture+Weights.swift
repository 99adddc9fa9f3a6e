/// What a mixture has learnt about its parts, for reports.
extension Mixture {
  /// How much one part counts in the weighted sum of log odds, in every MoE layer.
  public struct PartWeights: Hashable, Sendable {
    /// The part's name, as in ``MixtureParts/named``.
    public let part: String
    /// The part's weight `w_m`, one a MoE layer; negative where it is taken back from the others.
    public let weights: [Float]

    /// The mean of ``weights`` over the layers.
    public var mean: Double { weights.reduce(0) { $0 + Double($1) } / Double(weights.count) }
  }

  /// The learnt weights of all parts but the linear one, which needs none, in the order of
  /// ``MixtureParts/named``. A mixture of a single part has nothing to weigh, and its weight stays
  /// as it began.
  ///
  /// - Complexity: O(parts x `layers`).
  public var partWeights: [PartWeights] {
    guard let inputs = layers.first?.inputs else { return [] }
    return inputs.enumerated().map { index, input in
      PartWeights(
        part: MixtureParts.name(input) ?? "",
        weights: layers.map { $0.weights[index] })
    }
  }
}
