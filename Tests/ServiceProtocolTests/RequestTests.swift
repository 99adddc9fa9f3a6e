import Testing

@testable import ServiceProtocol

@Suite struct RequestTests {
  static let all: [Request] = [
    .hello(Request.Greeting(token: "sesame")),
    .begin(Request.Beginning(request: 1 << 40, position: 7, task: "mathématiques")),
    .end([1, 2, 3]), .end([]),
    .open(Request.Opening(requests: [5, 6], stages: [0, 1])),
    .observe(Request.Observation(layer: 3, requests: [5, 6], ids: [1, 2, 0xFFFF, 4])),
    .forecast(Request.Question(predictor: 1, top: 8, layer: 4, requests: [5])),
    .step(
      Request.Observation(layer: 2, requests: [9], ids: [10, 11]),
      Request.Question(top: 4, layer: 2, requests: [9])),
    .counts, .score(2), .flush, .save,
  ]

  func decoded(_ message: Message) throws(ProtocolError) -> Request {
    try Request(message, topK: 2, maximumRequests: 3)
  }

  func problem(_ message: Message) -> String? {
    do throws(ProtocolError) {
      _ = try decoded(message)
      return nil
    } catch {
      return error.kind == .malformed ? error.problem : "another kind: \(error)"
    }
  }

  @Test(arguments: all) func comesBack(request: Request) throws {
    #expect(try decoded(request.message(tag: 77)) == request)
  }

  /// Every body that is cut anywhere, or has a byte more, is refused.
  @Test(arguments: all) func otherLengthsAreMalformed(request: Request) {
    var message = request.message(tag: 1)
    let body = message.body
    for length in body.indices {
      message.body = body[..<length]
      #expect(problem(message) != nil, "\(length) of \(body.count) bytes")
    }
    message.body = body + [0]
    #expect(problem(message) == "1 bytes follow the body's last value")
  }

  @Test func bytesOfAStepAreThoseOfTheDescription() {
    let bytes = Self.all[7].message(tag: 0x0102).bytes
    #expect(
      bytes == [
        28, 0, 0, 0, 7, 0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0,  // head
        1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0,  // count, layer, predictor, top
        9, 0, 0, 0, 0, 0, 0, 0, 10, 0, 11, 0,  // request, ids
      ])
  }

  @Test func whatIsNoRequestIsSaid() {
    var message = Request.end([1, 2, 3, 4]).message(tag: 1)
    #expect(problem(message) == "it is about 4 requests; at most 3 go into one message")
    message.body = [0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0]
    #expect(problem(message) == "it is about 4294967295 requests; at most 3 go into one message")
    message.body = [0, 0, 0, 0, 1, 0, 0, 0]
    #expect(problem(message) == "the reserved word is not 0")
    message.kind = 12
    #expect(problem(message) == "there is no request of kind 12")
    message.status = 1
    #expect(problem(message) == "a request has the status 1; it has 0")
    var greeting = Request.hello(Request.Greeting()).message(tag: 1)
    greeting.body[greeting.body.startIndex] = UInt8(ascii: "M")
    #expect(problem(greeting) == "the greeting does not begin with 'moecast'")
    var beginning = Request.begin(Request.Beginning(request: 1, task: "a")).message(tag: 1)
    beginning.body[beginning.body.endIndex - 1] = 0xFF
    #expect(problem(beginning) == "the task is not UTF-8")
  }
}
