import RoutingTrace

/// What an import left out or found absent, for the user to know.
public struct ImportOmissions: Hashable, Sendable {
  /// What is absent in the trace: in empty slots.
  public internal(set) var absent = AbsentRoutes()
  /// Tokens at the ends of requests that had no route, as the last sampled one has none; left out.
  public internal(set) var trailingTokens = 0
  /// Requests of which no token had a route; left out.
  public internal(set) var emptyRequests = 0
  /// Identical tokens at the recording's beginning, where they are many.
  public internal(set) var warmUpTokens = 0

  /// Nothing is left out.
  ///
  /// - Parameter absent: what is absent in the trace.
  public init(absent: AbsentRoutes = AbsentRoutes()) { self.absent = absent }

  /// The first request without a route.
  struct EmptyRequest: Hashable, Sendable {
    var file: String
    var tokens: Int
    /// With what its slots are filled, in words.
    var filling: String
  }
  private(set) var firstEmptyFile: EmptyRequest?

  /// Counts a request without a route.
  mutating func addEmpty(file: String, tokens: Int, filling: String) {
    emptyRequests += 1
    firstEmptyFile =
      firstEmptyFile ?? EmptyRequest(file: file, tokens: tokens, filling: filling)
  }
}
