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
  ///   - table: What is forecast of tokens.
  ///   - tokens: Those of the turn, at least one.
  ///   - isTurn: Whether the layer has just had its turn.
  mutating func take(_ table: ChanceTable, _ tokens: [Int], _ layer: Int, isTurn: Bool) {
    let keys = chances.numbers(ofLayer: layer)
    if tokens.count == 1 {
      for (key, chance) in zip(keys, table.row(token: tokens[0], layer: layer)) {
        chances.values[key] = Double(chance)
      }
    } else {
      // The chance that none of them reads it.
      for key in keys { chances.values[key] = 1 }
      for token in tokens {
        for (key, chance) in zip(keys, table.row(token: token, layer: layer)) {
          chances.values[key] *= 1 - Double(chance)
        }
      }
      for key in keys { chances.values[key] = 1 - chances.values[key] }
    }
    guard isTurn else { return }
    for key in keys {
      rates.values[key] += Self.rateWeight * (chances.values[key] - rates.values[key])
    }
  }
}
