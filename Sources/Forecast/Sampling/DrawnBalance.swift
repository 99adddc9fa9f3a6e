import Counting
import RoutingTrace

/// Keeps what is drawn as frequent as what was learnt.
///
/// A forecast that is fed its own draws drifts: the weights of a mixture lean towards the requests
/// it learnt last, and each draw makes the next alike. So every probability is multiplied by
/// `P0(j) / f(j)`, the share of the expert in training over its share in what is drawn so far, and
/// normalised anew. `f` begins as `P0` with the weight of ``strength`` tokens.
struct DrawnBalance {
  /// How many tokens' worth of `P0` the drawn shares begin with; the more, the later the correction
  /// sets in.
  private static let strength = 64.0

  /// Experts of a layer (E).
  private let experts: Int
  /// `[layer, expert]`: `P0`, the expert's share of the choices in training.
  private let shares: [Double]
  /// `[layer, expert]`: times drawn, plus `strength K P0`.
  private var drawn: [Double]
  /// The sum of ``drawn`` by layer.
  private var totals: [Double]

  /// - Parameter counts: one a MoE layer.
  init(shape: TraceShape, counts: [LayerCounts]) {
    experts = shape.experts
    shares = counts.flatMap { layer in
      let total = Double(layer.frequency.reduce(0) { $0 + UInt64($1) }) + Double(shape.experts) / 2
      return layer.frequency.map { (Double($0) + 0.5) / total }
    }
    let begin = Self.strength * Double(shape.topK)
    drawn = shares.map { $0 * begin }
    totals = [Double](repeating: begin, count: shape.layers)
  }

  /// Holds a forecast of layer `layer` to the shares of training.
  func correct(_ probabilities: UnsafeMutableBufferPointer<Double>, layer: Int) {
    var sum = 0.0
    for expert in 0..<experts {
      let at = layer * experts + expert
      probabilities[expert] *= shares[at] * totals[layer] / drawn[at]
      sum += probabilities[expert]
    }
    for expert in 0..<experts { probabilities[expert] /= sum }
  }

  /// Counts the experts that were drawn for a token in layer `layer`.
  mutating func note(_ chosen: ArraySlice<UInt16>, layer: Int) {
    for expert in chosen { drawn[layer * experts + Int(expert)] += 1 }
    totals[layer] += Double(chosen.count)
  }
}
