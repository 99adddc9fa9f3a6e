import Forecast
import RoutingTrace

/// A forecast of one event as its readers want it: the likeliest experts, best first.
public struct RankedForecast: Hashable, Sendable {
  /// The number of the event's request.
  public var request: UInt64
  /// The token's position in its request, prefill included, from 0.
  public var position: Int
  /// Prefill or decode.
  public var stage: Stage
  /// The MoE layer's ordinal, from 0.
  public var layer: Int
  /// How many layers ahead it was made: 1 where the layer before was known, 0 where it needed none
  /// of the token's layers.
  public var horizon: Int
  /// The likeliest experts, best first; equal ones by id.
  public var experts: [UInt16]
  /// Their probabilities; those of all experts add up to 1.
  public var chances: [Float]
  /// What the router chose, in the order of the source; empty where it is not known (yet).
  public var chosen: [UInt16]

  /// A forecast of these values.
  public init(
    request: UInt64, position: Int, stage: Stage, layer: Int, horizon: Int, experts: [UInt16],
    chances: [Float], chosen: [UInt16] = []
  ) {
    self.request = request
    self.position = position
    self.stage = stage
    self.layer = layer
    self.horizon = horizon
    self.experts = experts
    self.chances = chances
    self.chosen = chosen
  }
}

/// Which experts of a forecast are told.
///
/// ```swift
/// let ranking = ForecastRanking(top: 16, above: 0.01)
/// let ranker = ExpertRanker(experts: probabilities.count)
/// let (experts, chances) = ranking.best(of: probabilities, by: ranker)
/// ```
public struct ForecastRanking: Hashable, Sendable {
  /// How many at most.
  public var top: Int
  /// Only those that are at least this probable.
  public var above: Double

  /// - Parameters:
  ///   - top: how many at most.
  ///   - above: the least probability, 0 for any.
  public init(top: Int, above: Double = 0) {
    self.top = top
    self.above = above
  }

  /// The likeliest experts, best first, ties to the lower id.
  ///
  /// - Parameters:
  ///   - probabilities: one value an expert.
  ///   - ranker: of as many experts.
  /// - Complexity: as `Forecast/ExpertRanker/best(by:into:chances:)`.
  public func best(
    of probabilities: UnsafeMutableBufferPointer<Double>, by ranker: ExpertRanker
  ) -> (experts: [UInt16], chances: [Float]) {
    var ids = [UInt16](repeating: 0, count: min(top, probabilities.count))
    var all = [Float](repeating: 0, count: ids.count)
    ids.withUnsafeMutableBufferPointer { ids in
      all.withUnsafeMutableBufferPointer { all in
        guard !ids.isEmpty else { return }
        ranker.best(by: probabilities, into: ids, chances: all)
      }
    }
    let chances = told(all)
    return (Array(ids.prefix(chances.count)), Array(chances))
  }

  /// Those of the likeliest experts' chances, best first, that are told.
  public func told(_ chances: [Float]) -> ArraySlice<Float> {
    chances.prefix { Double($0) >= above }
  }
}
