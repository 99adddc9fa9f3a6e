import Counting
import RoutingTrace
import ShardSums

/// An analysis as the sums of a shard: what `moecast analyze --partial` writes.
extension TraceAnalysis {
  /// Everything that was counted.
  ///
  /// - Complexity: O(L E^2) for L layers.
  public var sums: ShardSums {
    var sums = ShardSums(.analyze, shape: shape)
    let (layers, experts, stages) = (shape.layers, shape.experts, Stage.allCases.count)
    let pairs = [layers, stages, experts, experts]
    let counts = self.layers.flatMap(\.stages)
    sums.set("frequency", counts.flatMap(\.frequency), shape: [layers, stages, experts])
    sums.set("layer_pairs", counts.flatMap { $0.layerPairs ?? [] }, shape: pairs)
    sums.set("token_pairs", counts.flatMap { $0.tokenPairs ?? [] }, shape: pairs)
    sums.set(
      "chosen_together", self.layers.flatMap(\.pairs.cells), shape: [layers, experts, experts])
    sums.set(
      "layer_tokens", self.layers.flatMap { $0.tokens.map { UInt64($0) } },
      shape: [layers, stages])
    sums.set("following", self.layers.flatMap(\.following), shape: [layers, stages])
    sums.set("requests", UInt64(requests))
    sums.set(
      "tokens", Scope.allCases.map { UInt64(tokens[$0, default: 0]) },
      shape: [Scope.allCases.count])
    sums.settings["tasks"] = tasks.names
    sums.set("more_tasks", tasks.isFull ? 1 : 0)
    let known = tasks.names.count
    sums.set(
      "task_tokens", (0..<known).map { UInt64($0 < tokensOfTasks.count ? tokensOfTasks[$0] : 0) },
      shape: [known])
    sums.set(
      "task_frequency", self.layers.flatMap { $0.tasks(known).flatMap(\.frequency) },
      shape: [layers, known, experts])
    return sums
  }

  /// The analysis that sums hold.
  ///
  /// - Throws: ``ShardSums/ShardSumsError`` where something is missing, of a wrong shape, or beyond
  ///   what a cell may hold.
  /// - Complexity: O(L E^2) for L layers.
  public init(_ sums: ShardSums) throws(ShardSumsError) {
    let shape = sums.shape
    let (layers, experts, stages) = (shape.layers, shape.experts, Stage.allCases.count)
    let pairs = [layers, stages, experts, experts]
    let frequency: [UInt32] = try sums.values("frequency", shape: [layers, stages, experts])
    let layerPairs: [UInt32] = try sums.values("layer_pairs", shape: pairs)
    let tokenPairs: [UInt32] = try sums.values("token_pairs", shape: pairs)
    let together: [UInt32] = try sums.values(
      "chosen_together", shape: [layers, experts, experts])
    let tokens: [UInt64] = try sums.values("layer_tokens", shape: [layers, stages])
    let following: [UInt64] = try sums.values("following", shape: [layers, stages])
    let names = try sums.words("tasks")
    guard names.count <= TaskNames.capacity, Set(names).count == names.count else {
      throw ShardSumsError("its tasks are too many, or one stands twice", remedy: Self.again)
    }
    let ofTasks: [UInt32] = try sums.values(
      "task_frequency", shape: [layers, names.count, experts])

    func counts(
      _ place: Int, _ frequency: [UInt32], isOfTask: Bool = false
    ) throws(ShardSumsError) -> LayerCounts {
      let (row, table) = (place * experts, place * experts * experts)
      guard
        let counts = LayerCounts(
          frequency: Array(frequency[row..<row + experts]),
          layerPairs: isOfTask ? nil : Array(layerPairs[table..<table + experts * experts]),
          tokenPairs: isOfTask ? nil : Array(tokenPairs[table..<table + experts * experts]))
      else { throw .full }
      return counts
    }

    self.init(shape: shape)
    for layer in 0..<layers {
      var ofStages: [LayerCounts] = []
      for stage in 0..<stages { ofStages.append(try counts(layer * stages + stage, frequency)) }
      var tasks: [LayerCounts] = []
      for task in names.indices {
        tasks.append(try counts(layer * names.count + task, ofTasks, isOfTask: true))
      }
      let cells = Array(together[layer * experts * experts..<(layer + 1) * experts * experts])
      let own = layer * stages..<(layer + 1) * stages
      guard let pairs = PairCounts(experts: experts, cells: cells) else { throw .full }
      self.layers[layer] = LayerTally(
        stages: ofStages, tokens: tokens[own].map { Int($0) }, following: Array(following[own]),
        pairs: pairs, tasks: tasks)
      guard self.layers[layer].largest <= LayerCounts.maximumTokens else { throw .full }
    }
    requests = Int(try sums.number("requests"))
    let ofScopes: [UInt64] = try sums.values("tokens", shape: [Scope.allCases.count])
    for (scope, count) in zip(Scope.allCases, ofScopes) { self.tokens[scope] = Int(count) }
    self.tasks = TaskNames(names, isFull: try sums.number("more_tasks") > 0)
    let tokensOfTasks: [UInt64] = try sums.values("task_tokens", shape: [names.count])
    self.tokensOfTasks = tokensOfTasks.map { Int($0) }
  }

  private static var again: String { "write the shard's sums again with --partial" }
}
