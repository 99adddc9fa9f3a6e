import Live
import Locking
import Prequential
import RoutingTrace
import ServiceProtocol

/// What one client says and is answered: its requests under its own numbers, which mean nothing to
/// other clients. Used from one thread at a time.
///
/// When it goes, or calls ``close()``, its requests end.
public final class ClientSession {
  /// A request of this client.
  private struct Own {
    /// Its number among all clients' requests.
    var number: UInt64
    /// The ordinal of its last use.
    var last: UInt64
  }

  private let service: ForecastService
  /// The model that the requests are followed by.
  private var model: ServedModel
  /// By the client's numbers.
  private var own: [UInt64: Own] = [:]
  private var uses: UInt64 = 0

  init(_ service: ForecastService) {
    self.service = service
    model = service.model
  }

  deinit { close() }

  /// Ends all requests of the client.
  public func close() {
    for own in own.values { try? model.live.end([own.number].span) }
    own = [:]
  }

  /// Experts of a choice.
  public var topK: Int { model.live.shape.topK }

  /// How far a request has come; nil where it is not under way.
  public func progress(of request: UInt64) -> LiveForecaster.Progress? {
    own[request].flatMap { model.live.progress(of: $0.number) }
  }

  /// Does what is asked, or says why not.
  ///
  /// A greeting is answered too, but whether one has come, and its token, are the door's concern.
  public func answer(_ request: Request) -> Reply {
    let start = service.clock()
    var refused: Status?
    let reply: Reply
    do {
      reply = try self.reply(to: request)
    } catch {
      let refusal = Refusal(error)
      refused = refusal.status
      reply = .refused(refusal.status, refusal.description)
    }
    let (observed, forecast) = request.events
    service.metrics.note(
      request.name, service.clock() - start, observed: observed, forecast: forecast,
      refused: refused)
    return reply
  }

  private func reply(to request: Request) throws -> Reply {
    switch request {
    case .hello: return .hello(introduction)
    case .begin(let beginning):
      try begin(beginning)
      return .done
    case .end(let requests):
      let numbers = try find(requests)
      try named { () throws(LiveError) in try model.live.end(numbers.span) }
      for request in requests { own[request] = nil }
      return .done
    case .open(let opening):
      try open(opening)
      return .done
    case .observe(let observation):
      let numbers = try find(observation.requests)
      let ids = try ids(of: observation)
      try named { () throws(LiveError) in
        try model.live.observe(
          numbers.span, layer: Int(observation.layer), ids: ids.span)
      }
      return .done
    case .forecast(let question):
      let numbers = try find(question.requests)
      return .ranked(
        try ranked(question) { ranked, chances throws(LiveError) in
          try model.live.forecast(
            Int(question.layer), by: Int(question.predictor), of: numbers.span,
            top: Int(question.top), ranked: ranked, chances: chances)
          return true
        })
    case .step(let observation, let question):
      let numbers = try find(observation.requests)
      let ids = try ids(of: observation)
      return .ranked(
        try ranked(question) { ranked, chances throws(LiveError) in
          try model.live.step(
            numbers.span, layer: Int(observation.layer), ids: ids.span,
            by: Int(question.predictor), top: Int(question.top), ranked: ranked, chances: chances)
        })
    case .counts:
      let standing = model.live.standing
      return .counts(
        Reply.Counts(
          tokensLearnt: standing.tokensLearnt, tokensWaiting: UInt64(standing.tokensWaiting),
          requests: UInt64(own.count), tokensSaved: model.saved.withLock { $0?.tokens ?? 0 }))
    case .score(let predictor):
      return .score(try score(of: Int(predictor)))
    case .flush:
      try model.live.flush()
      return .done
    case .save: return .saved(tokens: try service.save())
    }
  }

  private var introduction: Reply.Introduction {
    let shape = model.live.shape
    return Reply.Introduction(
      layers: UInt32(shape.layers), experts: UInt32(shape.experts), topK: UInt32(shape.topK),
      maximumRequests: UInt32(service.limits.requestsPerMessage),
      maximumBody: UInt32(service.limits.bodyBytes), learns: service.learns,
      modelLayers: shape.modelLayers.map { UInt32($0) }, name: shape.model,
      predictors: zip(model.live.predictors, model.live.horizons).map {
        Reply.Introduction.Predictor(name: $0, horizon: UInt32($1))
      })
  }

  private func begin(_ beginning: Request.Beginning) throws {
    followCurrentModel()
    guard own[beginning.request] == nil else {
      throw Refusal(.outOfOrder, "\(LiveError.underWay(beginning.request))")
    }
    try service.admitRequest(to: model)
    if own.count >= service.limits.requestsPerClient,
      let oldest = own.min(by: { $0.value.last < $1.value.last })
    {
      try? model.live.end([oldest.value.number].span)
      own[oldest.key] = nil
    }
    let number = service.nextNumber()
    try named { () throws(LiveError) in
      try model.live.begin(number, task: beginning.task, from: beginning.position)
    }
    uses += 1
    own[beginning.request] = Own(number: number, last: uses)
  }

  private func open(_ opening: Request.Opening) throws {
    guard let bad = opening.stages.first(where: { Stage(rawValue: $0) == nil }) else {
      let numbers = try find(opening.requests)
      try service.admitTokens(to: model)
      try named { () throws(LiveError) in
        try model.live.open(numbers.span) { Stage(rawValue: opening.stages[$0]) ?? .decode }
      }
      return
    }
    throw Refusal(.badArgument, "stage \(bad) is none; 0 is prefill, 1 is decode")
  }

  /// The ids of an observation, whose count is checked.
  private func ids(of observation: Request.Observation) throws(Refusal) -> [UInt16] {
    let topK = model.live.shape.topK
    guard observation.ids.count == observation.requests.count * topK else {
      throw Refusal(
        .badArgument,
        "\(observation.ids.count) ids for \(observation.requests.count) requests; a "
          + "choice has \(topK) places")
    }
    return observation.ids
  }

  /// Asks for the forecasts of a question, and makes room for them.
  private func ranked(
    _ question: Request.Question,
    _ ask: (
      UnsafeMutableBufferPointer<UInt16>, UnsafeMutableBufferPointer<Float>
    ) throws(LiveError) -> Bool
  ) throws(Refusal) -> Reply.RankedBatch {
    let top = Int(question.top)
    guard (1...model.live.shape.experts).contains(top) else {
      throw Refusal(.badArgument, "\(LiveError.top(top, experts: model.live.shape.experts))")
    }
    let count = question.requests.count * top
    guard count * 6 <= service.limits.bodyBytes else {
      throw Refusal(
        .badArgument,
        "an answer of \(count * 6) bytes is asked for; ask about fewer requests, or "
          + "for fewer experts")
    }
    var ranked = [UInt16](repeating: TokenBlock.emptySlot, count: count)
    var chances = [Float](repeating: 0, count: count)
    var refusal: LiveError?
    ranked.withUnsafeMutableBufferPointer { ranked in
      chances.withUnsafeMutableBufferPointer { chances in
        do throws(LiveError) { _ = try ask(ranked, chances) } catch { refusal = error }
      }
    }
    if let refusal { throw Refusal(refusal, name: name(of:)) }
    return Reply.RankedBatch(top: question.top, chances: chances, ranked: ranked)
  }

  private func score(of predictor: Int) throws(Refusal) -> Reply.Score {
    do throws(LiveError) {
      let score = try model.live.score(of: predictor)
      return Reply.Score(
        events: score.events, recall: model.recallAt.map { score.recall(at: $0) ?? .nan },
        logLossBits: score.logLossBits ?? .nan)
    } catch { throw Refusal(error, name: name(of:)) }
  }

  /// The requests of the old model are gone where another has taken its place.
  public func followCurrentModel() {
    let now = service.model
    guard now !== model else { return }
    own = [:]
    model = now
  }

  /// The numbers of a call's requests, in its order.
  private func find(_ requests: [UInt64]) throws(Refusal) -> [UInt64] {
    followCurrentModel()
    uses += 1
    var numbers: [UInt64] = []
    numbers.reserveCapacity(requests.count)
    for request in requests {
      guard let index = own.index(forKey: request) else {
        throw Refusal(.unknownRequest, "\(LiveError.unknownRequest(request))")
      }
      own.values[index].last = uses
      numbers.append(own.values[index].number)
    }
    return numbers
  }

  /// Runs `body`; what it refuses is said in the client's numbers.
  private func named(_ body: () throws(LiveError) -> Void) throws(Refusal) {
    do throws(LiveError) { try body() } catch { throw Refusal(error, name: name(of:)) }
  }

  /// The client's number of one of its requests.
  private func name(of number: UInt64) -> UInt64 {
    own.first { $0.value.number == number }?.key ?? number
  }
}

extension Request {
  /// What it is called in figures.
  var name: String {
    switch self {
    case .hello: "hello"
    case .begin: "begin"
    case .end: "end"
    case .open: "open"
    case .observe: "observe"
    case .forecast: "forecast"
    case .step: "step"
    case .counts: "counts"
    case .score: "score"
    case .flush: "flush"
    case .save: "save"
    }
  }

  /// Events that it observes, and that it asks a forecast of.
  var events: (observed: Int, forecast: Int) {
    switch self {
    case .observe(let observation): (observation.requests.count, 0)
    case .forecast(let question): (0, question.requests.count)
    case .step(let observation, let question):
      (observation.requests.count, question.requests.count)
    default: (0, 0)
    }
  }
}
