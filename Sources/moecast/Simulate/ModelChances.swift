import Demand
import Forecast
import MemoryBudget
import ModelFile
import Prequential
import RoutingTrace

extension RecordedChances {
  /// What a trained model's mixtures forecast of a pool's tokens, at every horizon that they have,
  /// each forecast before its token is known. The traces are read again, prompts too, so that
  /// decoded tokens are forecast with all that came before them.
  ///
  /// - Parameters:
  ///   - model: The model's file.
  ///   - learns: Whether it goes on learning, token by token in the order of the traces.
  ///   - traces: Those of which `pool` was made, and `map` tells.
  /// - Throws: `ModelError`, also where the model holds no mixture; `TraceError`, `MemoryShortage`,
  ///   `SimulationError`.
  init(
    model: String, learns: Bool, traces: [String], _ pool: RequestPool, _ map: PoolMap
  ) throws {
    guard !traces.contains(StandardStream.dash) else {
      throw SimulationError(
        "a trace from standard input cannot be read again for --model; name its file")
    }
    let learner = try Checkpoint.read(model).learner
    guard learner.shape.isCompatible(with: pool.shape) else {
      throw ModelError(
        .mismatch, file: model, problem: "it has learnt \(learner.shape), not \(pool.shape)",
        remedy: "give a model of these traces' shape")
    }
    // The last of a horizon is the one that training lists as the best.
    var predictors: [Int: Int] = [:]
    for (index, name) in learner.predictors.enumerated() where name.hasPrefix("mixture") {
      predictors[learner.horizon(of: index)] = index
    }
    guard !predictors.isEmpty else {
      throw ModelError(
        .mismatch, file: model, problem: "it holds no mixture",
        remedy: "train it with --predictors mixture:next,mixture")
    }
    if predictors[0] == nil {
      complain(
        "moecast: \(model): no mixture of the next token, so no copies are staged; train it with "
          + "--predictors mixture:next,mixture")
    }
    var collector = Collector(pool, map)
    for (_, predictor) in predictors.sorted(by: { $0.key < $1.key }) {
      var pass = ForecastPass(learner, of: predictor, learns: learns)
      pass.ranking = ForecastRanking(top: pool.shape.experts)
      var stream = try TraceStream(traces)
      while let chunk = try stream.next() {
        try pass.consume(chunk.block) { forecast in
          guard case .token = map(forecast.request, forecast.position) else { return }
          try collector.add(
            ForecastRecord(
              request: forecast.request, position: forecast.position,
              layer: pool.shape.modelLayers[forecast.layer], horizon: forecast.horizon,
              experts: forecast.experts.map(Int.init), chances: forecast.chances))
        }
      }
    }
    self = collector.chances()
  }
}
