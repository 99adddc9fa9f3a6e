import Forecast
import MemoryBudget
import Prequential
import RoutingTrace

/// Forecasts what batches want, step by step: the tokens of the requests under way go through the
/// layers together, and each layer's union is forecast before it is known.
///
/// ```swift
/// var pass = BatchForecastPass(learner, of: 0, requests: 64, learns: false)
/// try pass.consume(chunk.block) { union in print(union.step, union.layer, union.experts) }
/// try pass.finish { union in print(union.step, union.layer, union.experts) }
/// ```
///
/// Experts are told with their ``ExpertDemand/need``: a token chooses an expert of probability p
/// with the chance `a = min(1, K p)`, and any of the tokens does with `1 - product of (1 - a)`,
/// tokens taken as independent. Equal ones stand in the order of the sums of p, so that a batch of
/// one request has the order of its own forecast. Tokens whose choice nobody recorded are left out.
public struct BatchForecastPass {
  /// The learner, as far as it has come.
  public private(set) var learner: Learner
  /// Whether tokens are learnt when a step is over.
  public let learns: Bool
  /// The experts that are told.
  public var ranking: ForecastRanking
  /// The steps and layers that are forecast, and the tokens that are heard.
  public var selection = ForecastSelection()
  /// How many layers ahead is forecast.
  public let horizon: Int

  /// Index of the predictor into the learner's.
  private let predictor: Int
  private var requests: RequestsInFlight
  private var sessions: LiveSessions
  private var step = 0
  /// By expert: the sum of the tokens' probabilities at the layer at hand.
  private var sums: [Double]

  /// - Parameters:
  ///   - learner: what has been learnt.
  ///   - predictor: index into its predictors.
  ///   - requests: under way at a time, at least 1.
  ///   - learns: whether it goes on learning.
  public init(_ learner: Learner, of predictor: Int, requests: Int, learns: Bool) {
    self.learner = learner
    self.predictor = predictor
    self.learns = learns
    horizon = learner.horizon(of: predictor)
    ranking = ForecastRanking(top: learner.shape.experts)
    self.requests = RequestsInFlight(requests, shape: learner.shape)
    // Those that ended without a word are the first to be forgotten.
    sessions = LiveSessions(capacity: 2 * requests)
    sums = Array(repeating: 0, count: learner.shape.experts)
  }

  /// What waits for its turn.
  public var memoryDemand: MemoryDemand { requests.memoryDemand }

  /// Takes in a block, and forecasts the steps for which all tokens are known.
  ///
  /// - Parameter body: called with every forecast that is asked for, step by step, layer by layer.
  /// - Throws: `LearnerError` where the block is of another shape; what `body` throws.
  /// - Complexity: of a token as a session's, and O(E log E) a step and layer.
  public mutating func consume(
    _ block: TokenBlock, _ body: (BatchForecast) throws -> Void
  ) throws {
    guard block.shape.isCompatible(with: learner.shape) else {
      throw LearnerError.shape(block.shape, expected: learner.shape)
    }
    requests.add(block)
    while let tokens = requests.nextStep() { try run(tokens, body) }
  }

  /// Forecasts the steps that are left when the trace is at its end.
  public mutating func finish(_ body: (BatchForecast) throws -> Void) throws {
    while let tokens = requests.nextStep(isTraceAtEnd: true) { try run(tokens, body) }
  }

  /// One token of every request, layer by layer.
  private mutating func run(
    _ tokens: [RequestsInFlight.Token], _ body: (BatchForecast) throws -> Void
  ) throws {
    let layers = learner.shape.layers
    let batch = try tokens.map { token in
      let session = sessions.use(token.request) { [learner] in
        learner.session(of: token.request, task: token.task, from: token.position)
      }
      try learner.open(token.stage, in: session)
      return (token, session)
    }
    for known in 0..<layers {
      for layer in ForecastPass.forecastable(known: known, horizon: horizon, layers: layers)
      where selection.asks(forLayer: layer, at: step) {
        let asked = batch.filter {
          selection.stages.contains($0.0.stage) && !$0.0.chosen[layer].isEmpty
        }
        if !asked.isEmpty { try body(try union(layer, asked)) }
      }
      for (token, session) in batch {
        try learner.observe(token.chosen[known], layer: known, in: session)
      }
    }
    var closed = ClosedTokens(shape: learner.shape)
    for (token, session) in batch {
      try learner.close(session, endsRequest: token.endsRequest, into: &closed)
    }
    if learns { try learner.learn(closed) }
    for token in tokens where token.endsRequest { sessions.end(token.request) }
    step += 1
  }

  /// What tokens together want of a layer.
  private mutating func union(
    _ layer: Int, _ batch: [(token: RequestsInFlight.Token, session: LearnerSession)]
  ) throws -> BatchForecast {
    var demand = ExpertDemand(experts: sums.count)
    for expert in sums.indices { sums[expert] = 0 }
    var chosen: Set<UInt16> = []
    for (token, session) in batch {
      let probabilities = try learner.forecast(layer, by: predictor, in: session)
      demand.add(probabilities, topK: learner.shape.topK)
      for expert in sums.indices { sums[expert] += probabilities[expert] }
      chosen.formUnion(token.chosen[layer])
    }
    let need = demand.need
    let ranked = need.indices.filter { need[$0] >= ranking.above }.sorted {
      (need[$0], sums[$0], $1) > (need[$1], sums[$1], $0)
    }.prefix(ranking.top)
    return BatchForecast(
      step: step, requests: batch.count, layer: layer, horizon: horizon,
      experts: ranked.map { UInt16($0) }, chances: ranked.map { Float(need[$0]) },
      chosen: chosen.sorted())
  }
}
