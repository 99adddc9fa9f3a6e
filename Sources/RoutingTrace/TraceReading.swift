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

  /// How payloads are told apart, and how large they may be.
  public init(
    framing: PayloadFraming = .framePerPayload, maximumChunk: Int = TokenBlock.largestPayload
  ) {
    self.framing = framing
    self.maximumChunk = maximumChunk
  }

  /// Whatever can be written anew: in any frames, chunks of up to the 1 GiB that earlier versions
  /// wrote.
  static let toRewrite = TraceReading(framing: .any, maximumChunk: 1 << 30)
}
