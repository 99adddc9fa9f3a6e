/// The forecasting module's mixture, token by token: an expert's expected requests are the sum over
/// the batch of its chance to be chosen.
public struct MixtureForecast: DemandForecast {
  public let name = "mixture"
  private let schedule: BatchSchedule
  private let nextToken: ChanceTable
  private let nextLayer: ChanceTable
  private var step = 0

  /// - Parameters:
  ///   - schedule: Which token each slot decodes at each step; a token's chances come from what its
  ///     request chose before it.
  ///   - nextToken: Made with ``ChanceTable/nextToken``.
  ///   - nextLayer: Made with ``ChanceTable/nextLayer``.
  public init(_ schedule: BatchSchedule, nextToken: ChanceTable, nextLayer: ChanceTable) {
    self.schedule = schedule
    self.nextToken = nextToken
    self.nextLayer = nextLayer
  }

  public mutating func observe(step: Int, layer: Int, chosen: [UInt16]) { self.step = step }

  public func nextStep(layer: Int) -> [Double] {
    guard step + 1 < schedule.steps else {
      return Array(repeating: 0, count: schedule.experts)
    }
    return nextToken.sum(over: schedule.tokens[step + 1], layer: layer)
  }

  public func laterLayer(_ layer: Int, observed: Int) -> [Double] {
    // Further ahead than one layer, only earlier tokens are known well enough.
    (layer == observed + 1 ? nextLayer : nextToken)
      .sum(over: schedule.tokens[step], layer: layer)
  }
}
