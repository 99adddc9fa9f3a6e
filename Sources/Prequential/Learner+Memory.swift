import Counting
import Forecast
import MemoryBudget
import RoutingTrace

extension Learner {
  /// What is done with a learner's tables, which decides how many copies of them are in memory at
  /// once.
  public enum Use: Hashable, Sendable {
    /// Tables are learnt, and never written.
    case learning
    /// Tables are learnt, written at the end and read back.
    case saving
    /// Tables are learnt while those of the last checkpoint are written and read back.
    case checkpoints
    /// Tables are read from a file.
    case reading
  }

  /// Bytes that a learner takes at its most, its mixtures' work on a block included. Nothing is
  /// allocated for the answer.
  ///
  /// Requests under way come on top: `layers * topK` ids each, and of every mixture with `recent`
  /// or `request` 4 bytes an expert and layer.
  ///
  /// - Complexity: O(predictors).
  public static func bytes(
    shape: TraceShape, predictors specs: [PredictorSpec], for use: Use = .learning
  ) -> Int {
    let counts = shape.layers * LayerCounts.bytes(experts: shape.experts, tables: specs.tables)
    let metrics = shape.layers * specs.count * LayerMetrics.bytes(experts: shape.experts)
    let models = specs.settings.reduce(0) { $0 + $1.bytes(shape: shape) }
    let learning = counts + metrics + models
    // A file holds each table as one column for all layers, which is in memory whole while it is
    // read.
    let column = specs.settings.map { $0.largestColumn(shape: shape) }.max() ?? 0
    // Both pair tables of the counts are read for all layers before they are split among them.
    let reading = learning + max(counts, 2 * column)
    switch use {
    case .learning: return learning
    case .reading: return reading
    // The learner that was written, and the one that is read back from the file to compare.
    case .saving: return learning + reading
    // The learner that goes on learning, the copy that is written, the file's own bytes, and the
    // learner that is read back.
    case .checkpoints: return 3 * learning + reading
    }
  }

  /// What a learner takes, and which predictors would take less.
  ///
  /// - Parameter option: the option by which a user chooses predictors, nil where there is no
  ///   choice.
  public static func memoryDemand(
    shape: TraceShape, predictors: [PredictorSpec], for use: Use = .learning, option: String? = nil
  ) -> MemoryDemand {
    let all = bytes(shape: shape, predictors: predictors, for: use)
    var demand = MemoryDemand(
      "the tables of \(predictors.names.joined(separator: ",")) for \(shape)", bytes: all)
    guard let option else { return demand }
    for spec in PredictorCatalog.smallerAlternatives {
      let bytes = bytes(shape: shape, predictors: [spec], for: use)
      if bytes < all { demand.alternatives.append(.init("\(option) \(spec.name)", bytes: bytes)) }
    }
    return demand
  }
}

extension Comparison {
  /// What a comparison takes; parameters as of ``init(shape:predictors:recallAt:)``.
  public static func memoryDemand(
    shape: TraceShape, predictors: [PredictorSpec], recallAt: [Int]? = nil, option: String? = nil
  ) -> MemoryDemand {
    let n = (recallAt ?? Learner.defaultRecall(topK: shape.topK)).count
    func withSums(_ bytes: Int, _ predictors: Int) -> Int {
      bytes + GroupSums.bytes(predictors: predictors, recallAt: n)
    }
    var demand = Learner.memoryDemand(shape: shape, predictors: predictors, option: option)
    demand.bytes = withSums(demand.bytes, predictors.count)
    for index in demand.alternatives.indices {
      demand.alternatives[index].bytes = withSums(demand.alternatives[index].bytes, 1)
    }
    return demand
  }
}
