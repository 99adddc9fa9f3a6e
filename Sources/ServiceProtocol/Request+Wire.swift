extension Request {
  /// The letters that a greeting begins with, so that who called the wrong socket is told so.
  static let magic: [UInt8] = Array("moecast\0".utf8)

  /// The message that asks this.
  ///
  /// - Complexity: O(bytes of the body).
  public func message(tag: UInt64) -> Message {
    var body = BodyWriter()
    switch self {
    case .hello(let greeting):
      body.put(Self.magic)
      body.put(greeting.version.major)
      body.put(greeting.version.minor)
      body.put(greeting.token)
    case .begin(let beginning):
      body.put(beginning.request)
      body.put(beginning.position)
      body.put(beginning.task)
    case .end(let requests):
      body.put(UInt32(requests.count))
      body.put(UInt32(0))
      body.put(requests)
    case .open(let opening):
      body.put(UInt32(opening.requests.count))
      body.put(UInt32(0))
      body.put(opening.requests)
      body.put(opening.stages)
    case .observe(let observation):
      body.put(UInt32(observation.requests.count))
      body.put(observation.layer)
      body.put(observation.requests)
      body.put(observation.ids)
    case .forecast(let question):
      body.put(question)
      body.put(question.requests)
    case .step(let observation, let question):
      body.put(question)
      body.put(observation.requests)
      body.put(observation.ids)
    case .score(let predictor): body.put(predictor)
    case .counts, .flush, .save: break
    }
    return Message(kind: kind, tag: tag, body: body.bytes[...])
  }

  /// What `message` asks.
  ///
  /// - Parameters:
  ///   - topK: experts a choice has, by the model that is served.
  ///   - maximumRequests: requests that one message may be about.
  /// - Throws: ``ProtocolError`` of kind ``ProtocolError/Kind/malformed``.
  /// - Complexity: O(bytes of the body).
  public init(
    _ message: Message, topK: Int, maximumRequests: Int
  ) throws(ProtocolError) {
    var body = BodyReader(message.body)
    guard message.status == 0 else {
      throw ProtocolError(.malformed, "a request has the status \(message.status); it has 0")
    }
    switch message.kind {
    case 1:
      guard try body.numbers("the magic", count: 8, as: UInt8.self) == Self.magic else {
        throw ProtocolError(.malformed, "the greeting does not begin with 'moecast'")
      }
      let version = ProtocolVersion(
        major: try body.number("the version"), minor: try body.number("the version"))
      self = .hello(Greeting(version: version, token: try body.text("the token")))
    case 2:
      self = .begin(
        Beginning(
          request: try body.number("the request"), position: try body.number("the position"),
          task: try body.text("the task")))
    case 3:
      let count = try body.count(upTo: maximumRequests)
      try body.zero("the reserved word")
      self = .end(try body.numbers("the requests", count: count))
    case 4:
      let count = try body.count(upTo: maximumRequests)
      try body.zero("the reserved word")
      self = .open(
        Opening(
          requests: try body.numbers("the requests", count: count),
          stages: try body.numbers("the stages", count: count)))
    case 5:
      let count = try body.count(upTo: maximumRequests)
      self = .observe(
        Observation(
          layer: try body.number("the layer"),
          requests: try body.numbers("the requests", count: count),
          ids: try body.numbers("the ids", count: count * topK)))
    case 6:
      self = .forecast(try body.question(upTo: maximumRequests))
    case 7:
      let question = try body.question(upTo: maximumRequests)
      self = .step(
        Observation(
          layer: question.layer, requests: question.requests,
          ids: try body.numbers("the ids", count: question.requests.count * topK)),
        question)
    case 8: self = .counts
    case 9: self = .score(try body.number("the predictor"))
    case 10: self = .flush
    case 11: self = .save
    default:
      throw ProtocolError(.malformed, "there is no request of kind \(message.kind)")
    }
    try body.end()
  }
}

extension BodyWriter {
  /// Puts all of a question but its requests' numbers.
  fileprivate mutating func put(_ question: Request.Question) {
    put(UInt32(question.requests.count))
    put(question.layer)
    put(question.predictor)
    put(question.top)
  }
}

extension BodyReader {
  /// Takes how many requests a message is about.
  fileprivate mutating func count(upTo maximum: Int) throws(ProtocolError) -> Int {
    let count = Int(try number("the count", as: UInt32.self))
    guard count <= maximum else {
      throw ProtocolError(
        .malformed, "it is about \(count) requests; at most \(maximum) go into one message")
    }
    return count
  }

  /// Takes a question, the numbers of its requests with it.
  fileprivate mutating func question(
    upTo maximum: Int
  ) throws(ProtocolError) -> Request.Question {
    let count = try count(upTo: maximum)
    let layer = try number("the layer", as: UInt32.self)
    let predictor = try number("the predictor", as: UInt32.self)
    let top = try number("the top", as: UInt32.self)
    return Request.Question(
      predictor: predictor, top: top, layer: layer,
      requests: try numbers("the requests", count: count))
  }

  /// Takes a word that is 0 for now.
  fileprivate mutating func zero(_ name: String) throws(ProtocolError) {
    guard try number(name, as: UInt32.self) == 0 else {
      throw ProtocolError(.malformed, "\(name) is not 0")
    }
  }
}
