import RoutingTrace

/// Requests' ids and gate weights with a row a layer of the model, as engines and NumPy users have
/// them: `[token, model layer, slot]` from model layer 0 to the last that routes, layers between
/// that do not route filled with -1.
struct RoutedRows {
  private let shape: TraceShape

  init(_ shape: TraceShape) { self.shape = shape }

  /// Layers of a row, those that do not route among them.
  var layers: Int { (shape.modelLayers.last ?? 0) + 1 }

  /// Axes of so many tokens.
  func axes(tokens: Int) -> [Int] { [tokens, layers, shape.topK] }

  /// The ids, -1 in empty slots and in layers that do not route: 16 bits, since experts are at most
  /// 32,768.
  func ids(_ ids: [UInt16]) -> [Int16] {
    spread(ids, filling: -1) { $0 == TokenBlock.emptySlot ? -1 : Int16(truncatingIfNeeded: $0) }
  }

  /// Gate weights, 0 where there is no expert, as bits of half-precision numbers.
  func weights(_ weights: [Float16]) -> [UInt16] {
    spread(weights, filling: 0) { $0.bitPattern }
  }

  /// A token-major column with the missing layers put in.
  private func spread<From, To>(
    _ column: [From], filling: To, _ convert: (From) -> To
  ) -> [To] {
    let (k, width) = (shape.topK, layers * shape.topK)
    let tokens = column.count / shape.idsPerToken
    var rows = [To](repeating: filling, count: tokens * width)
    for token in 0..<tokens {
      for (ordinal, number) in shape.modelLayers.enumerated() {
        let from = token * shape.idsPerToken + ordinal * k
        let to = token * width + number * k
        for slot in 0..<k { rows[to + slot] = convert(column[from + slot]) }
      }
    }
    return rows
  }
}
