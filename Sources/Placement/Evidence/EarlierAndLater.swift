import Demand
import RoutingTrace

/// The tokens that experts are placed from, and those on which that is judged.
///
/// Later tokens are those that come behind the earlier ones of the same requests (decoded tokens
/// behind prompts, or what follows a window), or of requests that begin later.
public struct EarlierAndLater: Sendable {
  /// Placed from.
  public let earlier: RequestPool
  /// Judged on.
  public let later: RequestPool
  /// Both in words.
  public let earlierWords: String
  public let laterWords: String
  /// Whether they are the same tokens, so that figures are too good.
  public let isInSample: Bool

  /// Cuts the tokens of traces.
  ///
  /// Prompts are followed by the decoded tokens of the same requests, and a window of positions by
  /// what comes behind it. Without either, the first requests are followed by the others, the same
  /// stages of both.
  ///
  /// - Parameters:
  ///   - share: Of the requests that are the first ones, where requests are cut.
  ///   - isInSample: Judge on the very tokens that are placed from.
  /// - Throws: ``PlacementError`` where either side has no tokens.
  public init(
    _ tokens: PlacementTokens, window: TokenWindow, share: Double = 0.5, inSample isInSample: Bool
  ) throws(PlacementError) {
    let pool = tokens.pool
    var requests = try window.requests(of: tokens)
    self.isInSample = isInSample
    if isInSample || window.stages == .prefill || window.positions != nil {
      earlier = pool.keeping(requests.map { window.tokens(of: $0, in: pool) })
      later =
        isInSample ? earlier : pool.keeping(requests.map { window.later(of: $0, in: pool) })
      earlierWords = window.words
      laterWords =
        isInSample
        ? window.words + " (in-sample)"
        : window.stages == .prefill ? "decode of the same requests" : "what follows of them"
    } else {
      requests.removeAll { window.tokens(of: $0, in: pool).isEmpty }
      let first = Int((Double(requests.count) * share).rounded())
      let parts = [requests.prefix(first), requests.dropFirst(first)].map { part in
        pool.keeping(part.map { window.tokens(of: $0, in: pool) })
      }
      (earlier, later) = (parts[0], parts[1])
      earlierWords = "\(window.words) of the first \(parts[0].requests) requests"
      laterWords = "\(window.words) of the other \(parts[1].requests)"
    }
    try Self.check(earlier, "the window (\(window.words)) holds no tokens to place from", pool)
    try Self.check(later, "no tokens come later to judge on (\(laterWords))", pool)
  }

  /// Tokens of traces that come later as a whole.
  ///
  /// - Throws: ``PlacementError`` where either side has no tokens.
  public init(
    _ tokens: PlacementTokens, window: TokenWindow, judgedOn later: RequestPool
  ) throws(PlacementError) {
    let requests = try window.requests(of: tokens)
    let pool = tokens.pool
    earlier = pool.keeping(requests.map { window.tokens(of: $0, in: pool) })
    self.later = later
    (earlierWords, laterWords, isInSample) = (window.words, "other traces", false)
    try Self.check(earlier, "the window (\(window.words)) holds no tokens to place from", pool)
    try Self.check(later, "the traces to judge on hold no tokens of that stage", later)
  }

  private static func check(
    _ part: RequestPool, _ problem: String, _ all: RequestPool
  ) throws(PlacementError) {
    guard part.tokens == 0 else { return }
    let prompts = all.prompts.reduce(0, +)
    throw PlacementError(
      problem,
      remedy: "there are \(all.requests) requests with \(prompts) tokens of prompts and "
        + "\(all.tokens - prompts) decoded ones: choose other stages, positions or tasks, or judge on "
        + "other traces")
  }
}
