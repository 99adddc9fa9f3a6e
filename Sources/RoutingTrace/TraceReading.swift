/// What is read of a trace, and how strictly.
///
/// ```swift
/// let foreign = TraceReading(framing: .any)
/// var reader = try TraceReader(TraceFile("recompressed.moe.lz4"), name: "trace", reading: foreign)
/// ```
public struct TraceReading: Sendable {
  /// How payloads are told apart.
  public var framing: PayloadFraming
  /// Bytes a chunk may decode to.
  public var maximumChunk: Int
  /// Whether gate weights are looked at; where not, blocks have none, whatever stands there.
  public var readsWeights = true
  /// The model's name in the place of the one in the header; nil to keep that.
  public var model: String?

  /// - Parameter maximumChunk: nil for ``TokenBlock/largestPayload``, or for the 1 GiB that earlier
  ///   versions wrote where frames may be any.
  public init(framing: PayloadFraming = .framePerPayload, maximumChunk: Int? = nil) {
    self.framing = framing
    self.maximumChunk = maximumChunk ?? (framing == .any ? 1 << 30 : TokenBlock.largestPayload)
  }
}
