import Glibc

/// What a batch of tokens is forecast to ask of the experts of one layer.
///
/// A token asks for expert j with the chance `a = min(1, K p_j)`. Summed over the tokens this is
/// the *load*: the requests an expert is expected to get. The *need* is the probability that any of
/// the tokens asks for it, `1 - product of (1 - a)`, taking the tokens as independent given the
/// forecasts. Slots of a batch that hold the same token of the same request ask alike, so they
/// count for the load, and once for the need.
///
/// ```swift
/// var demand = ExpertDemand(experts: shape.experts)
/// for token in batch { token.withForecast { demand.add($0, topK: shape.topK) } }
/// let staged = demand.wanted(atLeast: 0.5)
/// ```
public struct ExpertDemand: Hashable, Sendable {
  /// Expected requests, an expert.
  public private(set) var load: [Double]
  /// Variance of the requests, an expert: the sum of `slots^2 a (1 - a)`.
  public private(set) var variance: [Double]
  /// The probability that nobody asks, an expert.
  private var idle: [Double]

  /// An empty batch for a layer of `experts` experts.
  public init(experts: Int) {
    load = [Double](repeating: 0, count: experts)
    variance = load
    idle = [Double](repeating: 1, count: experts)
  }

  /// A batch of which only the load is forecast: every token has the same chance of every expert,
  /// `load / slots` and at most 1.
  ///
  /// - Parameter tokens: The slots that each of the batch's tokens fills.
  public init(load: [Double], tokens: [Int]) {
    let slots = tokens.reduce(0, +)
    let chances = load.map { min(1, $0 / Double(max(slots, 1))) }
    let squares = tokens.reduce(0.0) { $0 + Double($1 * $1) }
    self.load = load
    variance = chances.map { squares * $0 * (1 - $0) }
    idle = chances.map { pow(1 - $0, Double(tokens.count)) }
  }

  /// A batch that is known to ask for the experts `counts` times.
  public init(certain counts: [Int]) {
    load = counts.map(Double.init)
    variance = [Double](repeating: 0, count: counts.count)
    idle = counts.map { $0 > 0 ? 0 : 1 }
  }

  /// Adds the forecast of one token, as a mixture or another predictor gives it.
  ///
  /// - Parameters:
  ///   - topK: Experts a token asks for; 1 where `probabilities` are the chances themselves.
  ///   - slots: Slots of the batch that hold this token.
  /// - Precondition: one probability an expert.
  public mutating func add(
    _ probabilities: UnsafeMutableBufferPointer<Double>, topK: Int, slots: Int = 1
  ) {
    precondition(probabilities.count == load.count)
    let (scale, slots) = (Double(topK), Double(slots))
    load.withUnsafeMutableBufferPointer { load in
      variance.withUnsafeMutableBufferPointer { variance in
        idle.withUnsafeMutableBufferPointer { idle in
          var expert = 0
          while expert < load.count {
            let asked = min(1, scale * probabilities[expert])
            load[expert] += slots * asked
            variance[expert] += slots * slots * asked * (1 - asked)
            idle[expert] *= 1 - asked
            expert += 1
          }
        }
      }
    }
  }

  /// The same batch with every expert's requests expected `factors` times as often: load and
  /// variance are multiplied, the chance that nobody asks is raised to the factor's power, as if so
  /// many more or fewer such tokens asked.
  ///
  /// - Precondition: one factor an expert, at least 0.
  public func scaled(by factors: [Double]) -> ExpertDemand {
    var scaled = self
    for expert in load.indices {
      scaled.load[expert] *= factors[expert]
      scaled.variance[expert] *= factors[expert]
      scaled.idle[expert] = pow(idle[expert], factors[expert])
    }
    return scaled
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
