/// The forecasting module's mixture, token by token: an expert's expected requests are the sum over
/// the batch of its chance to be chosen, set right by how such sums have come true.
///
/// A mixture leaves every expert a small chance; over thousands of slots these add up to requests
/// for experts that nobody ever takes, above all where slots replay the same requests. So each
/// layer's expert is corrected by (requests seen + 1) / (requests expected + 1) so far.
public struct MixtureForecast: DemandForecast {
  public let name = "mixture"
  private let schedule: BatchSchedule
  private let tables: MixtureTables
  private var step = 0
  /// By layer: the sums for the next step, and what was seen and expected of each expert.
  private var pending: [[Double]]
  private var seen: [[Double]]
  private var expected: [[Double]]

  /// - Parameters:
  ///   - schedule: Which token each slot decodes at each step; a token's chances come from what its
  ///     request chose before it.
  ///   - tables: Made from the schedule's pool. Layers further ahead than these know are forecast
  ///     from earlier tokens.
  public init(_ schedule: BatchSchedule, _ tables: MixtureTables) {
    self.schedule = schedule
    self.tables = tables
    let zeros = Array(repeating: 0.0, count: tables.nextToken.experts)
    pending = Array(repeating: [], count: tables.nextToken.layers)
    seen = Array(repeating: zeros, count: tables.nextToken.layers)
    expected = seen
  }

  public mutating func observe(step: Int, layer: Int, chosen: [UInt16]) {
    self.step = step
    if !pending[layer].isEmpty {
      for id in chosen where Int(id) < seen[layer].count { seen[layer][Int(id)] += 1 }
      for (expert, sum) in pending[layer].enumerated() { expected[layer][expert] += sum }
    }
    pending[layer] =
      step + 1 < schedule.steps
      ? tables.nextToken.sum(over: schedule.tokens[step + 1], layer: layer) : []
  }

  public func nextStep(layer: Int) -> [Double] {
    if pending[layer].isEmpty { return Array(repeating: 0, count: tables.nextToken.experts) }
    return corrected(pending[layer], layer)
  }

  public func laterLayer(_ layer: Int, observed: Int) -> [Double] {
    let table = tables.table(ahead: layer - observed)
    return corrected(table.sum(over: schedule.tokens[step], layer: layer), layer)
  }

  private func corrected(_ sums: [Double], _ layer: Int) -> [Double] {
    sums.indices.map { expert in
      sums[expert] * (seen[layer][expert] + 1) / (expected[layer][expert] + 1)
    }
  }
}
