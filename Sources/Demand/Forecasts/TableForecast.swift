/// A forecast made token by token before the run, the forecasting module's mixture or what a file
/// tells: an expert's expected requests are the sum over the batch of its chance to be chosen, set
/// right by how such sums have come true.
///
/// A mixture leaves every expert a small chance; over thousands of slots these add up to requests
/// for experts that nobody ever takes, above all where slots replay the same requests. So for each
/// way of looking ahead each layer's expert is corrected by (requests seen + 1) / (requests
/// expected + 1) so far.
struct TableForecast: DemandForecast {
  let name: String
  private let schedule: BatchSchedule
  private let nextToken: ChanceTable?
  private var step = 0
  /// Nil where nothing is told of the next token.
  private var nextSteps: CorrectedDemand?
  /// By layers ahead, from 1; nil where nothing is told so far ahead.
  private var laterLayers: [CorrectedDemand?]

  /// - Parameters:
  ///   - schedule: Which token each slot decodes at each step; a token's chances come from what its
  ///     request chose before it.
  ///   - nextToken: Made from the schedule's pool, as all tables; nil where nothing is known.
  ///   - laterLayers: By layers ahead, from 1. Layers further ahead, and those without a table, are
  ///     forecast from earlier tokens.
  init(
    _ name: String, _ schedule: BatchSchedule, nextToken: ChanceTable?,
    laterLayers: [ChanceTable?]
  ) {
    self.name = name
    self.schedule = schedule
    self.nextToken = nextToken
    nextSteps = nextToken.map(CorrectedDemand.init)
    self.laterLayers = laterLayers.map { $0.map(CorrectedDemand.init) }
  }

  /// The mixture's.
  init(_ schedule: BatchSchedule, _ tables: MixtureTables) {
    self.init(
      "mixture", schedule, nextToken: tables.nextToken, laterLayers: tables.laterLayers)
  }

  /// Layers ahead of which it tells, at most.
  var horizons: Int { laterLayers.count }

  mutating func observe(step: Int, layer: Int, chosen: [UInt16]) {
    self.step = step
    nextSteps?.learn(layer, chosen)
    if step + 1 < schedule.steps { nextSteps?.expect(schedule.distinct[step + 1], layer) }
    for index in laterLayers.indices {
      laterLayers[index]?.learn(layer, chosen)
      let later = layer + index + 1
      if later < schedule.layers { laterLayers[index]?.expect(schedule.distinct[step], later) }
    }
  }

  /// The experts that each slot of the next step most likely asks for, as many as a token chooses;
  /// none where nothing is told.
  func likeliestOfNextStep(layer: Int) -> [Double] {
    likeliest(nextToken, step + 1, layer)
  }

  /// The same of a later layer of this step.
  func likeliest(_ layer: Int, observed: Int) -> [Double] {
    likeliest(laterLayers[layer - observed - 1]?.table, step, layer)
  }

  private func likeliest(_ table: ChanceTable?, _ step: Int, _ layer: Int) -> [Double] {
    guard let table, schedule.distinct.indices.contains(step) else {
      return Array(repeating: 0, count: schedule.experts)
    }
    return table.likeliest(of: schedule.distinct[step], layer: layer, count: schedule.topK)
  }

  func nextStep(layer: Int) -> [Double] { nextStepDemand(layer).load }

  func laterLayer(_ layer: Int, observed: Int) -> [Double] {
    laterLayerDemand(layer, observed).load
  }

  func nextStepDemand(layer: Int, slots: [Int]) -> ExpertDemand { nextStepDemand(layer) }

  func laterLayerDemand(_ layer: Int, observed: Int, slots: [Int]) -> ExpertDemand {
    laterLayerDemand(layer, observed)
  }

  private func nextStepDemand(_ layer: Int) -> ExpertDemand {
    nextSteps?.demand(layer) ?? ExpertDemand(experts: schedule.experts)
  }

  private func laterLayerDemand(_ layer: Int, _ observed: Int) -> ExpertDemand {
    let index = layer - observed - 1
    if laterLayers.indices.contains(index), let known = laterLayers[index] {
      return known.demand(layer)
    }
    guard let nextToken, let nextSteps else { return ExpertDemand(experts: schedule.experts) }
    return nextSteps.corrected(
      nextToken.demand(of: schedule.distinct[step], layer: layer), layer)
  }
}
