/// What a batch of tokens is forecast to ask of the experts of one layer.
///
/// A token asks for expert j with the probability `K p_j`, at most 1. Summed over the tokens this is
/// the *load*: the requests an expert is expected to get. The *need* is the probability that any of
/// the tokens asks for it, taking the tokens as independent given the forecasts.
public struct ExpertDemand: Hashable, Sendable {
  /// Expected requests, an expert.
  public private(set) var load: [Double]
  /// The probability that nobody asks, an expert.
  private var idle: [Double]
  /// Tokens in the batch.
  public private(set) var tokens = 0

  /// An empty batch for a layer of `experts` experts.
  public init(experts: Int) {
    load = [Double](repeating: 0, count: experts)
    idle = [Double](repeating: 1, count: experts)
  }

  /// Adds the forecast of one token, as a ``Mixture`` or a ``Predictor`` gives it.
  ///
  /// - Precondition: one probability an expert.
  public mutating func add(_ probabilities: UnsafeMutableBufferPointer<Double>, topK: Int) {
    precondition(probabilities.count == load.count)
    for expert in load.indices {
      let asked = min(1, Double(topK) * probabilities[expert])
      load[expert] += asked
      idle[expert] *= 1 - asked
    }
    tokens += 1
  }

  /// The probability that any token of the batch asks for it, an expert.
  public var need: [Double] { idle.map { 1 - $0 } }

  /// The experts whose need is at least `probability`, those of the largest load first, ties to the
  /// lower id: what to stage.
  public func wanted(atLeast probability: Double) -> [Int] {
    load.indices.filter { 1 - idle[$0] >= probability }.sorted {
      load[$0] != load[$1] ? load[$0] > load[$1] : $0 < $1
    }
  }
}
