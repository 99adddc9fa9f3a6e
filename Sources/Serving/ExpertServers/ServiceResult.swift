/// What a run of clients and expert servers came to.
public struct ServiceResult: Hashable, Sendable {
  /// Choices, a token and an expert each, on their way between clients and servers.
  public struct Choices: Hashable, Sendable {
    /// Asked by clients, each once.
    public internal(set) var asked = 0
    /// Answered to clients that waited for it.
    public internal(set) var answered = 0
    /// Asked again of another server.
    public internal(set) var askedAgain = 0
    /// That waited until some server had loaded the expert.
    public internal(set) var parked = 0
  }

  /// Messages of such choices. Each comes to one end: `sent = heeded + ignored + refused + lost`.
  public struct Messages: Hashable, Sendable {
    public internal(set) var sent = 0
    /// Answered in time, or late but not asked again of others.
    public internal(set) var heeded = 0
    /// Answered after the client had asked another server: thrown away.
    public internal(set) var ignored = 0
    /// Sent back by a server that had dropped the expert.
    public internal(set) var refused = 0
    /// Ended with their server.
    public internal(set) var lost = 0
    /// Times that a client lost patience with one, or was told that its server is lost.
    public internal(set) var timedOut = 0
  }

  /// What was known and decided at the beginning of a window of provisioning.
  public struct Window: Hashable, Sendable {
    /// Seconds from the beginning.
    public let seconds: Double
    /// Requests that were expected to arrive in it, or in one of those looked at; nil where nothing
    /// was known.
    public let expected: Double?
    /// Requests that arrived in it.
    public let arrived: Int
    /// Servers that were wanted.
    public let servers: Int
  }

  /// Nothing yet.
  public init() {}

  /// Experts that a server has room for, and the most that one ever held.
  public internal(set) var capacity = 0
  public internal(set) var mostHeld = 0
  /// Servers at least, to hold every expert once.
  public internal(set) var coreServers = 0
  /// Seconds from the beginning to the last step's end.
  public internal(set) var seconds = 0.0
  /// Seconds that count for ``tokensPerSecond``: of the traffic, or to the last step's end.
  public internal(set) var observedSeconds = 0.0
  /// Tokens through all layers; those within ``observedSeconds``.
  public internal(set) var tokens = 0
  public internal(set) var observedTokens = 0
  /// Steps of clients, and what each took.
  public internal(set) var stepSeconds = ServingResult.Times()
  /// Requests that came to their end.
  public internal(set) var requests = 0
  /// From arrival to the last token, a token's share; requests that arrived.
  public internal(set) var secondsPerToken = ServingResult.Times()
  public internal(set) var choices = Choices()
  public internal(set) var messages = Messages()
  /// Servers lost, and those that came later, for them or for the traffic.
  public internal(set) var lost = 0
  public internal(set) var added = 0
  /// Experts that no server held after a loss, and loads of experts while the run went on.
  public internal(set) var orphaned = 0
  public internal(set) var loads = 0
  public internal(set) var loadedBytes = 0.0
  /// Seconds of all servers from their first load to their end, and those in which they computed.
  public internal(set) var serverSeconds = 0.0
  public internal(set) var busySeconds = 0.0
  /// The most servers that were paid for at once.
  public internal(set) var mostServers = 0
  /// Seconds in which clients computed, and in which they waited for servers.
  public internal(set) var attentionSeconds = 0.0
  public internal(set) var waitingSeconds = 0.0
  /// By window of provisioning.
  public internal(set) var windows: [Window] = []

  /// Tokens a second through all layers.
  public var tokensPerSecond: Double {
    observedSeconds > 0 ? Double(observedTokens) / observedSeconds : 0
  }

  /// Servers that were paid for, on average.
  public var meanServers: Double { seconds > 0 ? serverSeconds / seconds : 0 }

  /// Share of their time in which servers computed.
  public var busyShare: Double { serverSeconds > 0 ? busySeconds / serverSeconds : 0 }
}
