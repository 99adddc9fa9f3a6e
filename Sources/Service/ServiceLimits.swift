/// What a service takes; what is beyond is refused, in words, and nothing grows.
public struct ServiceLimits: Hashable, Sendable {
  /// Clients connected at once.
  public var connections = 128
  /// Bytes of a message's body.
  public var bodyBytes = 4 << 20
  /// Requests that one message may be about.
  public var requestsPerMessage = 4096
  /// Requests under way, of all clients; one more is refused.
  public var requests = 8192
  /// Requests under way of one client; its own oldest is forgotten for one more.
  public var requestsPerClient = 4096
  /// Tokens that may wait to be learnt; while more do, no token is opened.
  public var waitingTokens = 8192
  /// Bytes that the process may hold; beyond them no request is begun. 0 for any.
  public var memoryBytes = 0
  /// Seconds in which a message must be complete, once its first byte has come, and an answer be
  /// taken.
  public var stallSeconds = 10.0
  /// Seconds after which a client that says nothing is let go.
  public var idleSeconds = 3600.0

  /// What is usual.
  public init() {}
}
