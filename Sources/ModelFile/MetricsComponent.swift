import Forecast
import HDF5
import Prequential
import RoutingTrace

/// How well each predictor forecast, since the beginning of the stream: `metrics/PREDICTOR`.
enum MetricsComponent: Component {
  static let groups = ["metrics"]

  /// Writes events, ranks and log loss of every predictor, `[layer, stage]` and
  /// `[layer, stage, rank]`.
  static func write(_ learner: Learner, to file: borrowing ModelWriter) throws(H5Error) {
    let all = try file.group("metrics")
    for (index, name) in learner.predictors.enumerated() {
      let metrics = learner.layers.map { $0.metrics[index] }
      var group = GroupWriter(try all.group.createGroup(name))
      try group.create(
        "events", metrics.flatMap(\.events), axes: [file.layer, file.stage], note: "events scored")
      try group.create(
        "ranks", metrics.flatMap(\.ranks), axes: [file.layer, file.stage, file.rank],
        note: "chosen experts that stood at the rank")
      try group.create(
        "log_loss", metrics.flatMap(\.lossSteps), axes: [file.layer, file.stage],
        units: "2^-24 bit",
        note: "sum over the events of -(1/K) sum log2 p, in steps of 2^-24 bits")
      try group.finish()
    }
    try all.finish()
  }

  /// Reads the same tables, no sum above what the stream can have come to.
  static func read(
    into state: inout LearnerState, from file: borrowing ModelReader
  ) throws(H5Error) {
    let (shape, predictors) = (file.header.shape, file.header.predictors)
    let (layers, experts) = (shape.layers, shape.experts)
    state.metrics = Array(repeating: [], count: layers)
    let all = try file.group("metrics")
    for name in predictors {
      var group = GroupReader(try all.group.group(name))
      let path = group.path
      let events: [UInt64] = try group.read("events", shape: [layers, 2])
      let ranks: [UInt64] = try group.read("ranks", shape: [layers, 2, experts])
      let losses: [UInt64] = try group.read("log_loss", shape: [layers, 2])
      try group.finish()
      try check(events, ranks, losses, shape, tokens: state.progress.tokens, at: path)
      for layer in 0..<layers {
        let stages = 2 * layer..<2 * layer + 2
        guard
          let metrics = LayerMetrics(
            events: Array(events[stages]),
            ranks: Array(ranks[2 * layer * experts..<2 * (layer + 1) * experts]),
            lossSteps: Array(losses[stages]))
        else { throw H5Error(.mismatch, at: path, "its columns do not fit each other") }
        state.metrics[layer].append(metrics)
      }
    }
    try all.finish(groups: Set(predictors))
  }

  /// Sums that no stream of so many tokens can pass; within them no later addition can overflow.
  private static func check(
    _ events: [UInt64], _ ranks: [UInt64], _ losses: [UInt64], _ shape: TraceShape,
    tokens: UInt64, at path: String
  ) throws(H5Error) {
    let experts = shape.experts
    var total: UInt64 = 0
    for index in events.indices {
      let own = ranks[index * experts..<(index + 1) * experts]
      guard events[index] <= tokens, own.allSatisfy({ $0 <= events[index] }),
        own.reduce(0, +) <= events[index] * UInt64(shape.topK),
        losses[index] <= events[index] * LossSteps.mostSteps
      else {
        throw H5Error(
          .mismatch, at: path,
          "scores more than happened in layer \(shape.modelLayers[index / 2])")
      }
      let (sum, overflow) = total.addingReportingOverflow(losses[index])
      guard !overflow, sum <= Learner.maximumLossSteps else {
        throw H5Error(.mismatch, at: path, "its log loss is beyond any stream's")
      }
      total = sum
    }
  }
}
