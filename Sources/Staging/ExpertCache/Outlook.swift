import Demand
import RoutingTrace

/// What is known of every expert by now, in ``CacheStudy/guided(_:_:)``.
struct Outlook {
  /// Weight of a turn's chance in the rate at which an expert is read in turns further ahead.
  private static let rateWeight = 0.4

  /// The chance that it is read at its layer's next turn.
  private(set) var chances: ByExpert<Double>
  /// The decayed mean of its chances right after each of its layer's turns.
  private(set) var rates: ByExpert<Double>

  init(_ shape: TraceShape) {
    chances = ByExpert(repeating: 0, layers: shape.layers, experts: shape.experts)
    rates = ByExpert(
      repeating: Double(shape.topK) / Double(shape.experts), layers: shape.layers,
      experts: shape.experts)
  }

  /// Takes in what is newly forecast of a layer's next turn.
  ///
  /// - Parameters:
  ///   - row: The chance of each of its experts.
  ///   - isTurn: Whether the layer has just had its turn.
  mutating func take(_ row: ArraySlice<Float16>, _ layer: Int, isTurn: Bool) {
    for (key, chance) in zip(chances.numbers(ofLayer: layer), row) {
      chances.values[key] = Double(chance)
      if isTurn { rates.values[key] += Self.rateWeight * (Double(chance) - rates.values[key]) }
    }
  }
}
