import RoutingTrace

/// How far a stream has been read, and by which digests it is recognised again when a run resumes.
public struct StreamProgress: Hashable, Sendable {
  /// Chunks passed.
  public var chunks: UInt64 = 0
  /// Tokens passed.
  public var tokens: UInt64 = 0
  /// Events passed: tokens times MoE layers.
  public var events: UInt64 = 0
  /// Requests begun.
  public var requests: UInt64 = 0
  /// XXH32 of every chunk's payload, in the order of the stream.
  public var checksums: [UInt32] = []

  /// The beginning of a stream.
  public init() {}

  /// Adds what was learnt of another stream; its digests come last.
  mutating func add(_ other: StreamProgress) {
    chunks += other.chunks
    tokens += other.tokens
    events += other.events
    requests += other.requests
    checksums += other.checksums
  }

  /// Notes that a chunk of a file has been read.
  mutating func pass(_ chunk: TraceChunk) {
    pass(chunk.block)
    pass(chunk: chunk.checksum)
  }

  /// Notes that the tokens counted last were a chunk with this digest.
  mutating func pass(chunk checksum: UInt32) {
    chunks += 1
    checksums.append(checksum)
  }

  /// Whether figures are noted here unless told otherwise: after 1, 2, 4, 8, ... chunks.
  public var isMilestone: Bool { chunks > 0 && chunks & (chunks - 1) == 0 }

  /// Counts tokens that are no chunk of a file: nothing recognises them again.
  mutating func pass(_ block: TokenBlock) {
    tokens += UInt64(block.tokens)
    events += UInt64(block.events)
    requests += UInt64(block.runs.count(where: \.begins))
  }
}

/// The figures of all predictors at one point of a stream: a line of the table that `train` prints.
public struct HistoryRow: Hashable, Sendable {
  /// Chunks passed by then.
  public var chunks: UInt64
  /// Tokens passed by then.
  public var tokens: UInt64
  /// Events passed by then.
  public var events: UInt64
  /// What each predictor had reached, sums since the beginning of the stream.
  public var predictors: [Sums]

  /// What one predictor had reached.
  public struct Sums: Hashable, Sendable {
    /// Events scored.
    public var events: UInt64
    /// Experts chosen in the events scored.
    public var chosen: UInt64
    /// Log loss of the events scored, in steps of 2^-24 bits.
    public var lossSteps: UInt64
    /// `[n]`: chosen experts among the n best, in the order of the learner's `recallAt`.
    public var hits: [UInt64]

    /// Sums of these values; `hits` has a value for each n at which recall is kept.
    public init(events: UInt64, chosen: UInt64, lossSteps: UInt64, hits: [UInt64]) {
      self.events = events
      self.chosen = chosen
      self.lossSteps = lossSteps
      self.hits = hits
    }
  }

  /// A row of these values, such as a checkpoint holds.
  public init(chunks: UInt64, tokens: UInt64, events: UInt64, predictors: [Sums]) {
    self.chunks = chunks
    self.tokens = tokens
    self.events = events
    self.predictors = predictors
  }

  /// The figures of all predictors at this point of the stream.
  init(progress: StreamProgress, scores: [Score], recallAt ns: [Int]) {
    self.init(
      chunks: progress.chunks, tokens: progress.tokens, events: progress.events,
      predictors: scores.map { score in
        Sums(
          events: score.events, chosen: score.chosen, lossSteps: score.lossSteps,
          hits: ns.map(score.hits(at:)))
      })
  }
}
