import ServiceProtocol

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// One client of the socket: reads its messages, answers each, until one of both ends it.
struct ClientConnection: ~Copyable {
  private let descriptor: Int32
  private let service: ForecastService
  private let session: ClientSession
  private let token: String
  private var messages: MessageBuffer
  private var isGreeted = false
  /// When the first byte of the message that is not all there came.
  private var waitingSince: UInt64?
  /// When the client last said something.
  private var heard: UInt64

  /// Bytes of answers that are sent at once.
  private static let enough = 1 << 18

  init(_ descriptor: Int32, of service: ForecastService, token: String) {
    self.descriptor = descriptor
    self.service = service
    self.token = token
    session = service.client()
    messages = MessageBuffer(maximumBody: service.limits.bodyBytes)
    heard = service.clock()
    waitingSince = heard
    setPatience()
  }

  /// Serves the client to its end; closing the socket is left to the caller.
  consuming func run() {
    var room = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = room.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
      if count == 0 { return }
      if count < 0 {
        guard errno == EINTR || errno == EAGAIN else { return }
        session.followCurrentModel()
      } else {
        heard = service.clock()
        messages.append(room[..<count])
        guard answerAll() else { return }
      }
      guard isWaitedFor() else {
        service.metrics.update { $0.shed += 1 }
        return
      }
    }
  }

  /// Answers all messages that are there; whether the client is to stay.
  private mutating func answerAll() -> Bool {
    var answers: [UInt8] = []
    var stays = true
    var isAny = false
    do throws(ProtocolError) {
      while stays, let message = try messages.next() {
        isAny = true
        let reply = answer(message)
        if !isGreeted { stays = false }
        answers += reply.message(to: message.kind, tag: message.tag).bytes
        if answers.count > Self.enough {
          guard write(answers) else { return false }
          answers = []
        }
      }
    } catch {
      answers += Reply.refused(.badArgument, error.problem).message(to: 0, tag: 0).bytes
      stays = false
    }
    if isAny || !messages.isWaiting { waitingSince = nil }
    if messages.isWaiting || !isGreeted { waitingSince = waitingSince ?? heard }
    return (answers.isEmpty || write(answers)) && stays
  }

  private mutating func answer(_ message: Message) -> Reply {
    let request: Request
    do throws(ProtocolError) {
      request = try Request(
        message, topK: session.topK, maximumRequests: service.limits.requestsPerMessage)
    } catch {
      return .refused(isGreeted ? .badArgument : .notGreeted, error.problem)
    }
    guard isGreeted else {
      guard case .hello(let greeting) = request else {
        return .refused(.notGreeted, "the first message is no greeting")
      }
      guard greeting.version.major == ProtocolVersion.current.major else {
        return .refused(
          .otherVersion,
          "protocol \(greeting.version) is asked for, and \(ProtocolVersion.current) is spoken")
      }
      guard token.isEmpty || isSame(greeting.token, token) else {
        return .refused(.notGreeted, "the greeting lacks the token that this service wants")
      }
      isGreeted = true
      return session.answer(request)
    }
    return session.answer(request)
  }

  /// Whether the client may go on as it does: it has not begun a message long ago, and has not been
  /// silent for very long.
  private func isWaitedFor() -> Bool {
    let now = service.clock()
    if let waitingSince, Double(now - waitingSince) > service.limits.stallSeconds * 1e9 {
      return false
    }
    return Double(now - heard) <= service.limits.idleSeconds * 1e9
  }

  /// Sends all of it; false where the client takes nothing.
  private func write(_ bytes: [UInt8]) -> Bool {
    let start = service.clock()
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes { bytes in
        send(
          descriptor, bytes.baseAddress?.advanced(by: sent), bytes.count - sent,
          Int32(MSG_NOSIGNAL))
      }
      if count < 0 {
        if errno == EINTR { continue }
        if errno == EAGAIN { service.metrics.update { $0.shed += 1 } }
        return false
      }
      sent += count
      if sent < bytes.count,
        Double(service.clock() - start) > service.limits.stallSeconds * 1e9
      {
        service.metrics.update { $0.shed += 1 }
        return false
      }
    }
    return true
  }

  /// Lets reading and writing give up after a while.
  private func setPatience() {
    let seconds = max(0.001, min(service.limits.stallSeconds, service.limits.idleSeconds))
    var time = timeval(
      tv_sec: Int(seconds), tv_usec: Int((seconds - seconds.rounded(.down)) * 1_000_000))
    for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
      setsockopt(
        descriptor, SOL_SOCKET, option, &time, socklen_t(MemoryLayout<timeval>.size))
    }
  }
}

/// Whether two texts are the same, found out in a time that does not depend on where they differ.
public func isSame(_ left: String, _ right: String) -> Bool {
  var difference = left.utf8.count == right.utf8.count ? UInt8(0) : 1
  for (a, b) in zip(left.utf8, right.utf8) { difference |= a ^ b }
  return difference == 0
}
