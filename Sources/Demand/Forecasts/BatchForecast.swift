/// What a batch is forecast to want of a layer's experts: those that it should have at hand.
public struct BatchForecast: Hashable, Sendable {
  /// The batch's step, from 0: in each its requests take a token.
  public var step: Int
  /// Tokens that are forecast together, one a request.
  public var requests: Int
  /// The MoE layer's ordinal, from 0.
  public var layer: Int
  /// How many layers ahead it was made: 1 where the layer before was known, 0 where it needed none
  /// of the tokens' layers.
  public var horizon: Int
  /// The likeliest experts, best first; equal ones by id.
  public var experts: [UInt16]
  /// The probability of each that at least one of the tokens chooses it.
  public var chances: [Float]
  /// The experts that the tokens chose, each once, ascending.
  public var chosen: [UInt16]

  /// A forecast of these values.
  public init(
    step: Int, requests: Int, layer: Int, horizon: Int, experts: [UInt16], chances: [Float],
    chosen: [UInt16]
  ) {
    self.step = step
    self.requests = requests
    self.layer = layer
    self.horizon = horizon
    self.experts = experts
    self.chances = chances
    self.chosen = chosen
  }
}

/// How much of what batches chose was told before.
public struct UnionRecall: Hashable, Sendable {
  /// Forecasts, one a step and layer.
  public private(set) var forecasts = 0
  /// Experts told, chosen, and both, summed over the forecasts.
  private var told = 0
  private var chosen = 0
  private var hits = 0
  /// Experts chosen that stood among the first as many as were chosen.
  private var firstHits = 0

  /// No forecast yet.
  public init() {}

  /// Counts a forecast.
  public mutating func add(_ forecast: BatchForecast) {
    let chosen = Set(forecast.chosen)
    forecasts += 1
    told += forecast.experts.count
    self.chosen += chosen.count
    hits += forecast.experts.count { chosen.contains($0) }
    firstHits += forecast.experts.prefix(chosen.count).count { chosen.contains($0) }
  }

  /// Experts told of a forecast, on average.
  public var meanTold: Double { Double(told) / Double(max(1, forecasts)) }
  /// Experts that a batch chose at a layer, on average.
  public var meanChosen: Double { Double(chosen) / Double(max(1, forecasts)) }
  /// The share of the experts chosen by any of a batch's tokens that was told.
  public var recall: Double { Double(hits) / Double(max(1, chosen)) }
  /// The same of the first as many told as were chosen.
  public var recallAtSize: Double { Double(firstHits) / Double(max(1, chosen)) }
}
