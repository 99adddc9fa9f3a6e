import Counting
import Forecast
import RoutingTrace

/// Forecasts a stream event by event, as beside an engine: every forecast is made before its layer
/// is known, and from nothing but what was known then.
///
/// ```swift
/// var pass = ForecastPass(learner, of: 0, learns: false)
/// try pass.consume(chunk.block) { forecast in
///   print(forecast.request, forecast.layer, forecast.experts)
/// }
/// ```
///
/// Tokens come in the order of the trace, each of them whole before the next. With `learns` a token
/// is learnt once its last layer is known, so that the forecasts are those which the learner scores
/// in its pass over chunks, to the last bit; else the learner stays as it is.
public struct ForecastPass {
  /// The learner, as far as it has come.
  public private(set) var learner: Learner
  /// Whether tokens are learnt when they are known.
  public let learns: Bool
  /// The experts that are told.
  public var ranking: ForecastRanking
  /// The events that are forecast.
  public var selection = ForecastSelection()

  /// Whether ``follow(_:_:)`` tells how well stored paths match.
  var matchesPaths = false

  /// Index of the predictor into the learner's.
  private let predictor: Int
  /// How many layers ahead it forecasts.
  public let horizon: Int
  /// Ranks the experts of one forecast after another.
  private let ranker: ExpertRanker
  /// Requests under way: as many as the learner remembers.
  private var sessions: LiveSessions

  /// - Parameters:
  ///   - learner: what has been learnt.
  ///   - predictor: index into its predictors.
  ///   - learns: whether it goes on learning.
  public init(_ learner: Learner, of predictor: Int, learns: Bool) {
    self.learner = learner
    self.predictor = predictor
    self.learns = learns
    horizon = learner.horizon(of: predictor)
    ranking = ForecastRanking(top: 2 * learner.shape.topK)
    ranker = ExpertRanker(experts: learner.shape.experts)
    sessions = LiveSessions(capacity: learner.requests.capacity)
  }

  /// Forecasts the events of a block, and then knows them.
  ///
  /// - Parameter body: called with every forecast that is asked for, token by token, layer by
  ///   layer.
  /// - Throws: ``LearnerError`` where the block is of another shape; what `body` throws.
  /// - Complexity: of a token as a session's, and O(E n) for n experts told.
  public mutating func consume(
    _ block: TokenBlock, _ body: (RankedForecast) throws -> Void
  ) throws {
    let (ranking, ranker, horizon) = (ranking, ranker, horizon)
    try follow(block) { event, probabilities in
      let (experts, chances) = ranking.best(of: probabilities, by: ranker)
      try body(
        RankedForecast(
          request: event.run.request, position: event.position, stage: event.run.stage,
          layer: event.layer, horizon: horizon, experts: experts, chances: chances,
          chosen: event.chosen))
    }
  }

  /// One event that is forecast, for who looks at all probabilities.
  struct Followed {
    /// The run that its token belongs to.
    let run: TokenRun
    /// The token's position in its request.
    let position: Int
    /// The MoE layer's ordinal.
    let layer: Int
    /// What the router chose in every layer of the token; at least one expert in this.
    let token: [[UInt16]]
    /// What ``Learner/bestPathMatch(of:in:)`` said when the forecast was made; nil unless asked.
    let pathMatch: Double?

    var chosen: [UInt16] { token[layer] }
  }

  /// Forecasts the events of a block, and then knows them.
  ///
  /// - Parameter body: called with every forecast that is asked for and the probabilities of all
  ///   experts, which are its own until it returns.
  mutating func follow(
    _ block: TokenBlock,
    _ body: (Followed, UnsafeMutableBufferPointer<Double>) throws -> Void
  ) throws {
    let shape = learner.shape
    guard block.shape.isCompatible(with: shape) else {
      throw LearnerError.shape(block.shape, expected: shape)
    }
    let tasks = Dictionary(
      block.labels.map { ($0.request, $0.task) }, uniquingKeysWith: { first, _ in first })
    var closed = ClosedTokens(shape: shape)
    var token = 0
    for run in block.runs {
      for position in run.firstToken..<run.firstToken + run.count {
        let session = sessions.use(run.request) { [learner] in
          learner.session(of: run.request, task: tasks[run.request] ?? "", from: position)
        }
        let chosen = (0..<shape.layers).map { Array(block.chosen(layer: $0, token: token)) }
        try forecast(chosen, run, position, in: session, body)
        closed.removeAll()
        try learner.close(
          session, endsRequest: run.endsRequest && position == run.firstToken + run.count - 1,
          into: &closed)
        if learns { try learner.learn(closed) }
        token += 1
      }
      if run.endsRequest { sessions.end(run.request) }
    }
  }

  /// Opens the request's next token, and goes through its layers.
  private func forecast(
    _ chosen: [[UInt16]], _ run: TokenRun, _ position: Int, in session: LearnerSession,
    _ body: (Followed, UnsafeMutableBufferPointer<Double>) throws -> Void
  ) throws {
    let isAsked = selection.stages.contains(run.stage)
    try learner.open(run.stage, in: session)
    for known in chosen.indices {
      for layer in Self.forecastable(known: known, horizon: horizon, layers: chosen.count)
      where isAsked && selection.asks(forLayer: layer, at: position) && !chosen[layer].isEmpty {
        try body(
          Followed(
            run: run, position: position, layer: layer, token: chosen,
            pathMatch: matchesPaths ? learner.bestPathMatch(of: predictor, in: session) : nil),
          try learner.forecast(layer, by: predictor, in: session))
      }
      try learner.observe(chosen[known], layer: known, in: session)
    }
  }

  /// The layers whose forecast is due when `known` layers are known, and not before: the one so
  /// many ahead; with none known all that are nearer too.
  public static func forecastable(known: Int, horizon: Int, layers: Int) -> Range<Int> {
    if horizon == 0 { return known == 0 ? 0..<layers : known..<known }
    let last = min(known + horizon, layers)
    return known == 0 ? 0..<last : max(known, min(known + horizon - 1, last))..<last
  }
}
