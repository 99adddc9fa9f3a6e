import Counting
import RoutingTrace

/// What is counted in one MoE layer.
package struct LayerTally: Sendable {
  /// Frequencies and pairs from layer to layer and token to token, one a stage.
  package private(set) var stages: [LayerCounts]
  /// Tokens, one a stage.
  private(set) var tokens: [Int]
  /// Choices of tokens that follow one of their request, one a stage.
  private(set) var following: [UInt64]
  /// Experts chosen together.
  package private(set) var pairs: PairCounts
  /// Frequencies, one a task.
  private(set) var tasks: [LayerCounts] = []

  init(experts: Int) {
    stages = Stage.allCases.map { _ in
      LayerCounts(experts: experts, tables: [.layerPairs, .tokenPairs])
    }
    tokens = Stage.allCases.map { _ in 0 }
    following = Stage.allCases.map { _ in 0 }
    pairs = PairCounts(experts: experts)
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

  private mutating func countFollowing(_ block: EventBlock, layer: Int) {
    block.withLayer(layer) { events in
      for token in 0..<block.tokens where block.previous[token] >= 0 {
        let event = events.event(token)
        following[event.stage] += UInt64(event.chosen.count)
      }
    }
  }
}
