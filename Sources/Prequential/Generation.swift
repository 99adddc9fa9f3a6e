import RoutingTrace

/// What a learner had learnt before its own stream began: by the model that it went on from, or by
/// the shards that were merged into it.
public struct Generation: Hashable, Sendable {
  /// How much that was, and the digests of its chunks; sorted where streams were merged.
  public var learnt: StreamProgress
  /// The streams that were learnt: 1, or as many as were merged.
  public var streams: Int

  /// A generation of these values.
  ///
  /// - Parameter streams: at least 1.
  public init(_ learnt: StreamProgress, streams: Int = 1) {
    self.learnt = learnt
    self.streams = streams
  }
}

extension Learner {
  /// A sum over everything learnt, earlier generations and the learner's own stream, such as
  /// `learner.total(\.tokens)`.
  public func total(_ figure: KeyPath<StreamProgress, UInt64>) -> UInt64 {
    past.reduce(progress[keyPath: figure]) { $0 + $1.learnt[keyPath: figure] }
  }

  /// The digests of all chunks learnt, those of earlier generations first.
  public var digests: [UInt32] { past.flatMap(\.learnt.checksums) + progress.checksums }

  /// The streams that its knowledge comes from, merged or one after another.
  public var streams: Int {
    past.reduce(progress.tokens > 0 ? 1 : 0) { $0 + $1.streams }
  }

  /// Earlier generations and the learner's own stream, where it has begun.
  var generations: [Generation] {
    progress.tokens > 0 ? past + [Generation(progress)] : past
  }
}
