extension Reply {
  /// What is added to a request's kind in its answer.
  static let bit: UInt16 = 0x8000

  /// The message that answers a request of this kind and tag.
  ///
  /// - Complexity: O(bytes of the body).
  public func message(to kind: UInt16, tag: UInt64) -> Message {
    var body = BodyWriter()
    var status = Status.ok
    switch self {
    case .hello(let introduction): body.put(introduction)
    case .done: break
    case .ranked(let batch):
      body.put(batch.top == 0 ? 0 : UInt32(batch.ranked.count) / batch.top)
      body.put(batch.top)
      body.put(batch.chances)
      body.put(batch.ranked)
    case .counts(let counts):
      body.put([
        counts.tokensLearnt, counts.tokensWaiting, counts.requests, counts.tokensSaved,
      ])
    case .score(let score):
      body.put(score.events)
      for recall in score.recall { body.put(recall) }
      body.put(score.logLossBits)
    case .saved(let tokens): body.put(tokens)
    case .refused(let why, let text):
      status = why
      body.put(text)
    }
    return Message(kind: kind | Self.bit, status: status.rawValue, tag: tag, body: body.bytes[...])
  }

  /// What `message` answers.
  ///
  /// - Throws: ``ProtocolError`` of kind ``ProtocolError/Kind/malformed``.
  /// - Complexity: O(bytes of the body).
  public init(_ message: Message) throws(ProtocolError) {
    var body = BodyReader(message.body)
    guard let status = Status(rawValue: message.status) else {
      throw ProtocolError(.malformed, "there is no status \(message.status)")
    }
    guard status == .ok else {
      self = .refused(status, try body.text("the reason"))
      try body.end()
      return
    }
    switch message.kind {
    case 1 | Self.bit: self = .hello(try body.introduction())
    case 2 | Self.bit, 3 | Self.bit, 4 | Self.bit, 5 | Self.bit, 10 | Self.bit: self = .done
    case 6 | Self.bit, 7 | Self.bit:
      let count = Int(try body.number("the count", as: UInt32.self))
      let top = try body.number("the top", as: UInt32.self)
      let (values, overflow) = count.multipliedReportingOverflow(by: Int(top))
      guard !overflow else {
        throw ProtocolError(.malformed, "\(count) times \(top) forecasts fill no body")
      }
      self = .ranked(
        RankedBatch(
          top: top, chances: try body.floats("the chances", count: values),
          ranked: try body.numbers("the experts", count: values)))
    case 8 | Self.bit:
      self = .counts(
        Counts(
          tokensLearnt: try body.number("a count"), tokensWaiting: try body.number("a count"),
          requests: try body.number("a count"), tokensSaved: try body.number("a count")))
    case 9 | Self.bit:
      let events = try body.number("the events", as: UInt64.self)
      var recall: [Double] = []
      for _ in 0..<4 { recall.append(try body.double("the recall")) }
      self = .score(
        Score(events: events, recall: recall, logLossBits: try body.double("the loss")))
    case 11 | Self.bit: self = .saved(tokens: try body.number("the tokens"))
    default: throw ProtocolError(.malformed, "there is no answer of kind \(message.kind)")
    }
    try body.end()
  }
}

extension BodyWriter {
  fileprivate mutating func put(_ introduction: Reply.Introduction) {
    put(introduction.version.major)
    put(introduction.version.minor)
    put([
      introduction.layers, introduction.experts, introduction.topK, introduction.maximumRequests,
      introduction.maximumBody, introduction.learns ? 1 : 0,
      UInt32(introduction.predictors.count),
    ])
    put(introduction.modelLayers)
    put(introduction.name)
    for predictor in introduction.predictors {
      put(predictor.horizon)
      put(predictor.name)
    }
  }
}

extension BodyReader {
  fileprivate mutating func introduction() throws(ProtocolError) -> Reply.Introduction {
    let version = ProtocolVersion(
      major: try number("the version"), minor: try number("the version"))
    let numbers = try numbers("the shape", count: 7, as: UInt32.self)
    let layers = try self.numbers("the layers", count: Int(numbers[0]), as: UInt32.self)
    let name = try text("the name")
    var predictors: [Reply.Introduction.Predictor] = []
    for _ in 0..<numbers[6] {
      let horizon = try number("the horizon", as: UInt32.self)
      predictors.append(.init(name: try text("the predictor"), horizon: horizon))
    }
    return Reply.Introduction(
      version: version, layers: numbers[0], experts: numbers[1], topK: numbers[2],
      maximumRequests: numbers[3], maximumBody: numbers[4], learns: numbers[5] != 0,
      modelLayers: layers, name: name, predictors: predictors)
  }
}
