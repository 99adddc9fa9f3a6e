import Counting
import Forecast
import Prequential
import RoutingTrace

extension Checkpoint {
  /// The token heatmap of the model at `path`: how often expert j followed expert i at a request's
  /// next token, `[layer, i, j]`: row i of layer l begins at `(l * experts + i) * experts`.
  ///
  /// - Parameters:
  ///   - path: the model file.
  ///   - shape: the shape it must have.
  /// - Throws: ``ModelError``, also where the model has learnt no such table (`token-markov`).
  /// - Complexity: O(bytes of the model): the whole file is read and checked.
  public static func tokenHeatmap(
    of path: String, shape: TraceShape
  ) throws(ModelError) -> [UInt32] {
    let learner = try read(path).learner
    guard learner.shape.isCompatible(with: shape) else {
      throw ModelError(
        .mismatch, file: path, problem: "it has learnt \(learner.shape), not \(shape)",
        remedy: "give a model of these traces' shape")
    }
    var counts: [UInt32] = []
    for layer in learner.layers {
      guard let pairs = layer.counts.tokenPairs else {
        throw ModelError(
          .mismatch, file: path, problem: "it holds no token heatmap",
          remedy: "train it with --predictors token-markov")
      }
      counts += pairs
    }
    return counts
  }
}
