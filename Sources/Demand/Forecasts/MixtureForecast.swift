/// The forecasting module's mixture, token by token: an expert's expected requests are the sum over
/// the batch of its chance to be chosen, set right by how such sums have come true.
///
/// A mixture leaves every expert a small chance; over thousands of slots these add up to requests
/// for experts that nobody ever takes, above all where slots replay the same requests. So for each
/// way of looking ahead each layer's expert is corrected by (requests seen + 1) / (requests
/// expected + 1) so far.
struct MixtureForecast: DemandForecast {
  let name = "mixture"
  private let schedule: BatchSchedule
  private let tables: MixtureTables
  private var step = 0
  private var nextSteps: CorrectedDemand
  /// By layers ahead, from 1.
  private var laterLayers: [CorrectedDemand]

  /// - Parameters:
  ///   - schedule: Which token each slot decodes at each step; a token's chances come from what its
  ///     request chose before it.
  ///   - tables: Made from the schedule's pool. Layers further ahead than these know are forecast
  ///     from earlier tokens.
  init(_ schedule: BatchSchedule, _ tables: MixtureTables) {
    self.schedule = schedule
    self.tables = tables
    nextSteps = CorrectedDemand(tables.nextToken)
    laterLayers = tables.laterLayers.map(CorrectedDemand.init)
  }

  mutating func observe(step: Int, layer: Int, chosen: [UInt16]) {
    self.step = step
    nextSteps.learn(layer, chosen)
    if step + 1 < schedule.steps { nextSteps.expect(schedule.distinct[step + 1], layer) }
    for index in laterLayers.indices {
      laterLayers[index].learn(layer, chosen)
      let later = layer + index + 1
      if later < schedule.layers { laterLayers[index].expect(schedule.distinct[step], later) }
    }
  }

  func nextStep(layer: Int) -> [Double] { nextSteps.demand(layer).load }

  func laterLayer(_ layer: Int, observed: Int) -> [Double] {
    laterLayerDemand(layer, observed).load
  }

  func nextStepDemand(layer: Int, slots: [Int]) -> ExpertDemand { nextSteps.demand(layer) }

  func laterLayerDemand(_ layer: Int, observed: Int, slots: [Int]) -> ExpertDemand {
    laterLayerDemand(layer, observed)
  }

  private func laterLayerDemand(_ layer: Int, _ observed: Int) -> ExpertDemand {
    let index = layer - observed - 1
    if laterLayers.indices.contains(index) { return laterLayers[index].demand(layer) }
    return nextSteps.corrected(
      tables.nextToken.demand(of: schedule.distinct[step], layer: layer), layer)
  }
}
