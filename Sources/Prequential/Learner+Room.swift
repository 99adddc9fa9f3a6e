import Counting
import Forecast
import RoutingTrace

extension Learner {
  /// The most chunks that are learnt from.
  public static let maximumChunks = 1 << 27
  /// The largest log loss of all events of a predictor, in `Forecast/LossSteps`.
  public static let maximumLossSteps: UInt64 = 1 << 62
  /// The most requests that one chunk can begin: each has a run of its own there.
  public static let maximumRequestsInChunk = 1 << 26

  /// Throws where a chunk could take a sum beyond what a model file holds, or what can be added to.
  func requireRoom(for block: TokenBlock, learns: Bool) throws(LearnerError) {
    let mostLoss = UInt64(block.events) * LossSteps.mostSteps
    for predictor in predictors.indices
    where lossSteps(of: predictor) + mostLoss > Self.maximumLossSteps {
      throw .full("the log loss of \(predictors[predictor])")
    }
    guard learns else { return }
    let most = LayerCounts.maximumTokens
    guard total(\.tokens) + UInt64(block.tokens) <= UInt64(most),
      Int(layers.map(\.counts.largest).max() ?? 0) + block.tokens <= most
    else { throw .full("the number of tokens, \(most) at most") }
    guard total(\.chunks) < Self.maximumChunks else {
      throw .full("the number of chunks, \(Self.maximumChunks) at most")
    }
    guard models.allSatisfy({ $0.model.hasRoom(for: block.tokens) }) else {
      throw .full("a count of a predictor, \(most) at most")
    }
  }

  /// The log loss of all events of a predictor, all stages and layers, in `Forecast/LossSteps`.
  ///
  /// - Parameter predictor: index into ``predictors``.
  /// - Complexity: O(layers).
  public func lossSteps(of predictor: Int) -> UInt64 {
    layers.reduce(0) { $0 + $1.metrics[predictor].lossSteps.reduce(0, +) }
  }
}
