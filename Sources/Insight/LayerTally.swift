import Counting
import RoutingTrace

/// What a ``TraceAnalysis`` counts in one MoE layer.
package struct LayerTally: Sendable {
  /// `[stage]`: frequencies, and pairs from layer to layer and token to token.
  package internal(set) var stages: [LayerCounts]
  /// `[stage]`: tokens.
  var tokens: [Int]
  /// `[stage]`: choices of tokens that follow one of their request.
  var following: [UInt64]
  /// Experts chosen together by one token, both stages.
  package internal(set) var pairs: PairCounts
  /// `[task]`: frequencies.
  var tasks: [LayerCounts] = []

  /// A layer in which nothing was counted.
  init(experts: Int) {
    stages = Stage.allCases.map { _ in
      LayerCounts(experts: experts, tables: [.layerPairs, .tokenPairs])
    }
    tokens = Stage.allCases.map { _ in 0 }
    following = Stage.allCases.map { _ in 0 }
    pairs = PairCounts(experts: experts)
  }

  /// A layer of known counts.
  init(
    stages: [LayerCounts], tokens: [Int], following: [UInt64], pairs: PairCounts,
    tasks: [LayerCounts]
  ) {
    self.stages = stages
    self.tokens = tokens
    self.following = following
    self.pairs = pairs
    self.tasks = tasks
  }

  /// The frequencies of the first `count` tasks, of which a layer may know fewer.
  func tasks(_ count: Int) -> [LayerCounts] {
    let none = LayerCounts(experts: pairs.experts, tables: [])
    return (0..<count).map { $0 < tasks.count ? tasks[$0] : none }
  }

  /// The counts of these stages together, at least one.
  func counts(of own: [Int]) -> LayerCounts {
    var sum = stages[own[0]]
    for stage in own.dropFirst() { sum.add(stages[stage]) }
    return sum
  }

  /// How often a task chose each expert; nothing where the layer has not met it.
  func taskFrequency(_ task: Int) -> [UInt32] {
    tasks.indices.contains(task) ? tasks[task].frequency : []
  }

  /// What no cell is above.
  var largest: Int { stages.reduce(0) { $0 + Int($1.largest) } }

  /// Counts a layer of a block.
  ///
  /// - Parameters:
  ///   - stretches: all tokens of the block.
  ///   - taskCount: tasks known by now.
  mutating func count(
    _ block: EventBlock, layer: Int, stretches: [TokenStretch], taskCount: Int
  ) {
    let none = LayerCounts(experts: block.shape.experts, tables: [])
    tasks += Array(repeating: none, count: taskCount - tasks.count)
    block.withLayer(layer) { view in
      for stretch in stretches {
        let stage = Int(stretch.stage.rawValue)
        tokens[stage] += stretch.tokens.count
        stages[stage].learn(view, tokens: stretch.tokens)
        if let task = stretch.task { tasks[task].learn(view, tokens: stretch.tokens) }
      }
    }
    pairs.count(block, layer: layer)
    countFollowing(block, layer: layer)
  }

  /// Counts the choices of tokens whose predecessor is known.
  private mutating func countFollowing(_ block: EventBlock, layer: Int) {
    let topK = block.shape.topK
    for token in 0..<block.tokens where block.previous[token] >= 0 {
      let count =
        block.isFull
        ? topK : block.ids[block.slots[layer, token]].count { $0 != TokenBlock.emptySlot }
      following[Int(block.stages[token])] += UInt64(count)
    }
  }
}
