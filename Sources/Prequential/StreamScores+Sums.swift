import RoutingTrace
import ShardSums

/// Scores as the sums of a shard: what `moecast evaluate --partial` writes.
extension StreamScores {
  /// The integer columns by name, each with its shape.
  var columns: [(name: String, values: [UInt64], shape: [Int])] {
    let metrics = layers.flatMap { $0 }
    let shape = [layers.count, predictors.count, Stage.allCases.count]
    return [
      ("events", metrics.flatMap(\.events), shape),
      ("ranks", metrics.flatMap(\.ranks), shape + [self.shape.experts]),
      ("log_loss", metrics.flatMap(\.lossSteps), shape),
      (
        "progress", [progress.chunks, progress.tokens, progress.events, progress.requests], [4]
      ),
    ]
  }

  /// The scores as sums of this command.
  public func sums(of kind: ShardSums.Kind) -> ShardSums {
    var sums = ShardSums(kind, shape: shape)
    sums.settings["predictors"] = predictors
    sums.settings["recall_at"] = recallAt.map(String.init)
    for (name, values, shape) in columns { sums.set(name, values, shape: shape) }
    sums.set("digests", progress.checksums, shape: [progress.checksums.count])
    sums.settings["mixtures"] = weights.keys.sorted()
    for (mixture, parts) in weights {
      let names = parts.keys.sorted()
      sums.settings["parts/" + mixture] = names
      sums.set(
        "weights/" + mixture, names.flatMap { parts[$0] ?? [] },
        shape: [names.count, shape.layers])
    }
    return sums
  }

  /// The scores that sums hold.
  ///
  /// - Throws: ``ShardSums/ShardSumsError`` where something is missing, or of a wrong shape.
  public init(_ sums: ShardSums) throws(ShardSumsError) {
    let shape = sums.shape
    let predictors = try sums.words("predictors")
    guard !predictors.isEmpty, Set(predictors).count == predictors.count else {
      throw ShardSumsError("its predictors are none, or one twice", remedy: Self.again)
    }
    let recallAt = try sums.words("recall_at").compactMap { Int($0) }
    guard recallAt.allSatisfy({ $0 > 0 }), recallAt == Set(recallAt).sorted() else {
      throw ShardSumsError("its n of recall@n do not ascend from 1", remedy: Self.again)
    }
    let columns = [shape.layers, predictors.count, Stage.allCases.count]
    let events: [UInt64] = try sums.values("events", shape: columns)
    let ranks: [UInt64] = try sums.values("ranks", shape: columns + [shape.experts])
    let losses: [UInt64] = try sums.values("log_loss", shape: columns)
    var layers: [[LayerMetrics]] = Array(repeating: [], count: shape.layers)
    for index in 0..<shape.layers * predictors.count {
      let stages = 2 * index..<2 * index + 2
      let own = 2 * index * shape.experts..<2 * (index + 1) * shape.experts
      guard
        let metrics = LayerMetrics(
          events: Array(events[stages]), ranks: Array(ranks[own]),
          lossSteps: Array(losses[stages]))
      else { throw ShardSumsError("its columns do not fit each other", remedy: Self.again) }
      layers[index / predictors.count].append(metrics)
    }
    var progress = StreamProgress()
    let passed: [UInt64] = try sums.values("progress", shape: [4])
    (progress.chunks, progress.tokens, progress.events, progress.requests) =
      (passed[0], passed[1], passed[2], passed[3])
    progress.checksums = try sums.values("digests", shape: [-1])
    guard progress.chunks == UInt64(progress.checksums.count) else {
      throw ShardSumsError(
        "it has \(progress.checksums.count) digests of \(progress.chunks) chunks",
        remedy: Self.again)
    }
    var weights: [String: [String: [Float]]] = [:]
    for mixture in try sums.words("mixtures") {
      let names = try sums.words("parts/" + mixture)
      let values: [Float] = try sums.values(
        "weights/" + mixture, shape: [names.count, shape.layers])
      weights[mixture] = [:]
      for (part, name) in names.enumerated() {
        weights[mixture]?[name] = Array(values[part * shape.layers..<(part + 1) * shape.layers])
      }
    }
    self.init(
      shape: shape, predictors: predictors, recallAt: recallAt, layers: layers, weights: weights,
      progress: progress)
  }

  private static var again: String { "write the shard's sums again with --partial" }
}
