import Forecast
import MemoryBudget
import RoutingTrace

extension Learner {
  /// Bytes that the tables and metrics of a learner take, and its mixtures' work on a block.
  ///
  /// Requests under way come on top: `layers * topK` ids each, and of every mixture what
  /// ``Forecast/MixtureOptions/liveRequests`` says.
  public static func bytes(shape: TraceShape, predictors: [String]) -> Int {
    var tables: CountTables = []
    var mixtures = 0
    for name in predictors {
      if let predictor = Predictors.named(name) {
        tables.formUnion(predictor.tables)
      } else if let options = MixtureOptions(name: name) {
        mixtures += Mixture.bytes(shape: shape, options: options)
      }
    }
    let layer =
      LayerCounts.bytes(experts: shape.experts, tables: tables)
      + predictors.count * LayerMetrics.bytes(experts: shape.experts)
    return shape.layers * layer + mixtures
  }

  /// What a learner takes, and which predictors would take less.
  ///
  /// - Parameters:
  ///   - copies: how often they are in memory: writing a model or reading one takes as much again.
  ///   - option: the option by which a user chooses predictors, nil where there is no choice.
  public static func memoryDemand(
    shape: TraceShape, predictors: [String], copies: Int = 1, option: String? = nil
  ) -> MemoryDemand {
    func bytes(_ predictors: [String]) -> Int {
      copies * Self.bytes(shape: shape, predictors: predictors)
    }
    let all = bytes(predictors)
    let fewer = ["mixture-fast", "layer-markov", "frequency"].filter { bytes([$0]) < all }
    return MemoryDemand(
      "the tables of \(predictors.joined(separator: ",")) for \(shape)", bytes: all,
      alternatives: option.map { option in
        fewer.map { MemoryDemand.Alternative("\(option) \($0)", bytes: bytes([$0])) }
      } ?? [])
  }
}

extension Comparison {
  /// What a comparison takes; parameters as of ``init(shape:predictors:recallAt:)``.
  public static func memoryDemand(
    shape: TraceShape, predictors: [String], recallAt: [Int]? = nil, option: String? = nil
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
