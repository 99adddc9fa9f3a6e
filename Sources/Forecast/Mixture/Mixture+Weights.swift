extension Mixture {
  /// What a part counts in the weighted sum of log odds; one number a MoE layer.
  public struct PartWeights: Hashable, Sendable {
    /// The part's name, as in ``MixtureParts/named``.
    public let part: String
    /// `w_m`, layer after layer; negative where the part is taken back from the others.
    public let weights: [Float]

    /// The mean over the layers.
    public var mean: Double { weights.reduce(0) { $0 + Double($1) } / Double(weights.count) }
  }

  /// The weights of all parts but the linear one, which needs none, in the order of the inputs. A
  /// mixture of a single part has nothing to weigh, and its weight stays as it began.
  public var partWeights: [PartWeights] {
    guard let inputs = layers.first?.inputs else { return [] }
    return inputs.enumerated().map { index, input in
      PartWeights(
        part: MixtureParts.named.first { $0.part == input }?.name ?? "",
        weights: layers.map { $0.weights[index] })
    }
  }
}
