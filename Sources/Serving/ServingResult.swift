/// What requests saw of being served.
public struct ServingResult: Hashable, Sendable {
  /// Times of many requests.
  public struct Times: Hashable, Sendable {
    /// In seconds, in the order in which they came to an end.
    public private(set) var seconds: [Double] = []

    mutating func add(_ time: Double) { seconds.append(time) }

    /// The least time that so many per cent of the requests do not exceed (nearest rank); nil of
    /// none.
    ///
    /// - Complexity: O(n log n).
    public func percentile(_ share: Double) -> Double? {
      let rank = Int((share / 100 * Double(seconds.count)).rounded(.up))
      return seconds.isEmpty ? nil : seconds.sorted()[min(max(rank, 1), seconds.count) - 1]
    }

    /// The mean; nil of none.
    public var mean: Double? {
      seconds.isEmpty ? nil : seconds.reduce(0, +) / Double(seconds.count)
    }
  }

  /// From a request's arrival to its first token.
  public internal(set) var timeToFirstToken = Times()
  /// Between tokens after that, a mean a request; of requests of one token there is none.
  public internal(set) var timePerToken = Times()
  /// From arrival to the last token.
  public internal(set) var wholeTime = Times()
  /// From arrival to a slot.
  public internal(set) var waited = Times()
  /// From the first arrival to the last token.
  public internal(set) var seconds = 0.0
  /// Steps run, their tokens, and the seconds they took.
  public private(set) var steps = 0
  public private(set) var tokens = 0
  public private(set) var busySeconds = 0.0

  mutating func count(step seconds: Double, tokens: Int) {
    steps += 1
    self.tokens += tokens
    busySeconds += seconds
  }

  /// Requests served.
  public var requests: Int { wholeTime.seconds.count }

  /// Tokens of a step, on average.
  public var tokensPerStep: Double { Double(tokens) / Double(max(1, steps)) }

  /// Tokens a second, prompts' among them, from the first arrival to the last token.
  public var tokensPerSecond: Double { seconds > 0 ? Double(tokens) / seconds : 0 }

  /// Share of that time in which steps ran.
  public var busyShare: Double { seconds > 0 ? busySeconds / seconds : 0 }
}
