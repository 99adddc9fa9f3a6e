/// The sessions of the requests under way, by their numbers: at most so many; when one more comes,
/// the one that was used longest ago is forgotten.
public struct LiveSessions {
  /// Requests that are followed at most.
  public let capacity: Int
  /// By the request's number, with the ordinal of the use that was its last.
  private var sessions: [UInt64: (session: LearnerSession, last: Int)] = [:]
  /// Uses so far.
  public private(set) var uses = 0
  /// Requests under way.
  public var count: Int { sessions.count }

  /// Follows no request yet.
  public init(capacity: Int) { self.capacity = capacity }

  /// The session of a request that is under way; this is no use of it.
  public subscript(request: UInt64) -> LearnerSession? { sessions[request]?.session }

  /// The session of a request, the one that `begin` makes where it is not under way.
  ///
  /// - Complexity: O(1); O(``capacity``) where another is forgotten for it.
  public mutating func use(_ request: UInt64, else begin: () -> LearnerSession) -> LearnerSession {
    uses += 1
    if let known = sessions[request]?.session {
      sessions[request]?.last = uses
      return known
    }
    if sessions.count >= capacity, let oldest = sessions.min(by: { $0.value.last < $1.value.last })
    {
      sessions[oldest.key] = nil
    }
    let session = begin()
    sessions[request] = (session, uses)
    return session
  }

  /// The session of a request that is under way, and whether this is its first use after a mark
  /// among ``uses``; nil where it is not under way.
  ///
  /// - Complexity: O(1).
  public mutating func use(
    _ request: UInt64, after mark: Int
  ) -> (session: LearnerSession, isFirst: Bool)? {
    guard let place = sessions.index(forKey: request) else { return nil }
    uses += 1
    let last = sessions.values[place].last
    sessions.values[place].last = uses
    return (sessions.values[place].session, last <= mark)
  }

  /// Forgets a request; whether it was under way.
  @discardableResult
  public mutating func end(_ request: UInt64) -> Bool {
    sessions.removeValue(forKey: request) != nil
  }
}
