import Counting
import Forecast
import Prequential
import RoutingTrace

/// Totals of a learner that must agree, whatever it was trained on.
///
/// With c, C, D as in `Counting/LayerCounts` and K experts at most in an event:
/// - C[l, i, j] counts tokens that chose i in layer l-1 and j in l: at most c[l-1, i] and c[l, j].
/// - A row of C sums at most K experts for each of those tokens: at most K c[l-1, i]; layer 0 has
///   none.
/// - D likewise with i in layer l itself.
/// - Every choice of the learner's own stream was ranked once by every predictor, so a predictor's
///   ranks sum to c's sum, to less where something was learnt before, and all predictors scored the
///   same events, of 1 to K choices each.
/// - Rows along the stream ascend, each within what had passed by then and the last within the
///   metrics.
struct Totals {
  /// What does not agree, a clause each.
  private(set) var problems: [String] = []

  /// Checks all totals of a learner, in one pass over its tables.
  init(_ learner: Learner) {
    for layer in learner.layers.indices {
      checkPairs(learner, layer)
      checkMetrics(learner, layer)
    }
    checkHistory(learner)
  }

  /// Holds a layer's pair tables against its frequencies.
  private mutating func checkPairs(_ learner: Learner, _ layer: Int) {
    let counts = learner.layers[layer].counts
    let number = learner.shape.modelLayers[layer]
    let none = [UInt32](repeating: 0, count: counts.experts)
    let before = layer == 0 ? none : learner.layers[layer - 1].counts.frequency
    let tables = [
      ("layer-markov", counts.layerPairs, before),
      ("token-markov", counts.tokenPairs, counts.frequency),
    ]
    for (name, table, given) in tables {
      guard let table else { continue }
      if let row = Self.faultyRow(
        table, given: given, chosen: counts.frequency, topK: learner.shape.topK)
      {
        problems.append(
          "/\(name)/counts: model layer \(number), expert \(row): more pairs than the choices allow"
        )
      }
    }
  }

  /// The first row that counts more than its experts were chosen.
  private static func faultyRow(
    _ table: [UInt32], given: [UInt32], chosen: [UInt32], topK: Int
  ) -> Int? {
    let experts = given.count
    return table.withUnsafeBufferPointer { table -> Int? in
      var row = 0
      while row < experts {
        var sum: UInt64 = 0
        var column = 0
        while column < experts {
          let cell = table[row * experts + column]
          if cell > given[row] || cell > chosen[column] { return row }
          sum += UInt64(cell)
          column += 1
        }
        if sum > UInt64(given[row]) * UInt64(topK) { return row }
        row += 1
      }
      return nil
    }
  }

  /// Holds the predictors' ranks and events against the layer's frequencies and each other.
  private mutating func checkMetrics(_ learner: Learner, _ layer: Int) {
    let own = learner.layers[layer]
    let number = learner.shape.modelLayers[layer]
    let chosen = own.counts.frequency.reduce(0) { $0 + UInt64($1) }
    for (index, name) in learner.predictors.enumerated() {
      let score = own.metrics[index].score(of: Stage.allCases)
      if learner.past.isEmpty ? score.chosen != chosen : score.chosen > chosen {
        problems.append(
          "/metrics/\(name)/ranks: model layer \(number): \(score.chosen) experts were ranked, "
            + "\(chosen) were learnt")
      }
      if score.events > score.chosen || score.chosen > score.events * UInt64(learner.shape.topK)
        || own.metrics[index].events != own.metrics[0].events
      {
        problems.append(
          "/metrics/\(name)/events: model layer \(number): \(score.events) events do not fit "
            + "\(score.chosen) experts and the other predictors")
      }
      if score.events > learner.progress.tokens {
        problems.append(
          "/metrics/\(name)/events: model layer \(number): \(score.events) events of "
            + "\(learner.progress.tokens) tokens")
      }
    }
  }

  /// The rows along the stream must ascend, and end no later than the metrics.
  private mutating func checkHistory(_ learner: Learner) {
    for (index, name) in learner.predictors.enumerated() {
      let score = learner.score(of: index, stages: Stage.allCases)
      var columns = learner.history.map(\.predictors[index]).map {
        [$0.events, $0.chosen, $0.lossSteps] + $0.hits
      }
      columns.append(
        [score.events, score.chosen, score.lossSteps] + learner.recallAt.map { score.hits(at: $0) })
      let falling = zip(columns, columns.dropFirst()).contains { before, after in
        zip(before, after).contains { $0 > $1 }
      }
      if falling { problems.append("/history/\(name): a sum falls along the stream") }
      let isBeyond = learner.history.contains { row in
        let sums = row.predictors[index]
        return sums.events > row.events || sums.chosen < sums.events
          || sums.chosen > sums.events * UInt64(learner.shape.topK)
          || sums.lossSteps.dividedRoundingUp(by: LossSteps.mostSteps) > sums.events
      }
      if isBeyond { problems.append("/history/\(name): a row has more than had passed") }
    }
  }
}

extension UInt64 {
  /// The quotient, the next whole number where something is left over.
  fileprivate func dividedRoundingUp(by divisor: UInt64) -> UInt64 {
    self / divisor + (self % divisor == 0 ? 0 : 1)
  }
}
