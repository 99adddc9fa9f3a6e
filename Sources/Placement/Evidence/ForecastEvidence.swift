import Demand
import Glibc
import RoutingTrace

/// The load that a trained model expects of the next window, given the tokens of the one before.
///
/// The model's counts of a layer are what it expects of any tokens; the window tells of these. Each
/// request's choices are taken as draws from shares that a Dirichlet distribution around the model's
/// has spread, so that the window is worth its counts and the model `strength` counts more:
///
///     share(e) = (counts(e) + strength * model(e)) / (all counts + strength)
///
/// The strength is the one, of powers of two, that made each request of the window likeliest from
/// the others and the model (leave one out); it is the same for all layers. A window of one request
/// is cut in two halves for that.
public struct ForecastEvidence: Sendable {
  /// Choices of a layer that the model is worth.
  public let strength: Double
  /// The loads expected, as requests of a batch.
  public let evidence: PlacementEvidence

  /// Strengths tried: 2^0 to 2^24 choices.
  private static let strengths = (0...24).map { Double(1 << $0) }

  /// Blends a model's counts with a window.
  ///
  /// - Parameters:
  ///   - counts: By layer and expert: how often the model has seen it chosen.
  ///   - window: The tokens before those that are expected.
  ///   - batch: Tokens of a step.
  /// - Throws: ``PlacementError`` where the shapes differ, the model has seen nothing, or the window
  ///   is empty.
  /// - Complexity: O(tokens * layers * topK + requests * layers * experts * 25).
  public init(
    model counts: [[Double]], window: RequestPool, batch: Int
  ) throws(PlacementError) {
    let shape = window.shape
    guard counts.count == shape.layers, counts.allSatisfy({ $0.count == shape.experts }) else {
      throw PlacementError(
        "the model has \(counts.count) layers of \(counts.first?.count ?? 0) experts, the traces "
          + "\(shape.layers) of \(shape.experts)", remedy: "give a model of these traces' shape")
    }
    guard window.tokens > 0 else {
      throw PlacementError("the window has no tokens", remedy: "choose one that has some")
    }
    // A little of every expert, so that none is impossible.
    let model = counts.map { row in
      let sum = row.reduce(0, +) + 0.5 * Double(row.count)
      return row.map { ($0 + 0.5) / sum }
    }
    let parts = Self.parts(of: window)
    let seen = parts.map { part in
      (0..<shape.layers).map { layer in
        var row = Array(repeating: 0.0, count: shape.experts)
        for expert in window.chosen(by: Array(part), layer: layer) where expert < shape.experts {
          row[Int(expert)] += 1
        }
        return row
      }
    }
    var all = seen[0]
    for part in seen.dropFirst() {
      for layer in all.indices {
        for expert in all[layer].indices { all[layer][expert] += part[layer][expert] }
      }
    }
    let likelihoods = Self.strengths.map { Self.likelihood($0, seen, all, model) }
    let best = likelihoods.indices.max { likelihoods[$0] < likelihoods[$1] } ?? 0
    let strength = Self.strengths[best]
    self.strength = strength
    let scale = Double(batch) / Double(window.tokens)
    evidence = try PlacementEvidence(
      loads: zip(all, model).map { row, model in
        let sum = row.reduce(0, +)
        return zip(row, model).map { scale * sum * ($0 + strength * $1) / (sum + strength) }
      })
  }

  /// What is left out in turn: requests, or the halves of the only one.
  private static func parts(of window: RequestPool) -> [Range<Int>] {
    guard window.requests == 1 else {
      return zip(window.starts, window.starts.dropFirst()).map { $0..<$1 }
    }
    let middle = window.tokens / 2
    return [0..<middle, middle..<window.tokens].filter { !$0.isEmpty }
  }

  /// The logarithm of the chance of every part, given the others and the model.
  private static func likelihood(
    _ strength: Double, _ parts: [[[Double]]], _ all: [[Double]], _ model: [[Double]]
  ) -> Double {
    var sum = 0.0
    for part in parts {
      for layer in all.indices {
        let own = part[layer]
        let others = all[layer].reduce(0, +) - own.reduce(0, +)
        for expert in own.indices where own[expert] > 0 {
          let share =
            (all[layer][expert] - own[expert] + strength * model[layer][expert])
            / (others + strength)
          sum += own[expert] * log(share)
        }
      }
    }
    return sum
  }
}
