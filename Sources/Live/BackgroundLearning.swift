import Locking
import Prequential
import RoutingTrace

/// Learns what is closed beside forecasting: it has a learner of its own, a step ahead of the one
/// that forecasts.
///
/// Tokens are learnt by its learner, which then changes places with the one that forecasts, in no
/// time; that one, the older, learns the same tokens next. So a forecast never waits for learning,
/// and there are two sets of tables.
///
/// Unchecked: everything but the thread is touched on the thread alone, or in a turn that it gives.
final class BackgroundLearning: @unchecked Sendable {
  /// Stands back behind those who wait for a forecast, and an engine's own threads.
  private let thread: BackgroundThread
  private var learner: Learner
  private let learns: Bool
  private var recorder: ChunkRecorder
  /// The first failure; nothing is learnt or recorded after it.
  private var failure: (any Error)?

  /// - Parameters:
  ///   - learner: as it forecasts.
  ///   - learns: whether it learns, or tokens are only recorded.
  ///   - recording: the trace to record to, or nil.
  /// - Throws: what creating the trace throws; `Locking/ThreadError`.
  init(_ learner: Learner, learns: Bool, recording: String?) throws {
    self.learner = learner
    self.learns = learns
    thread = try BackgroundThread(niceness: 5)
    recorder = try ChunkRecorder(learner.shape, to: recording)
  }

  /// Learns soon what `take` gives then.
  ///
  /// - Parameters:
  ///   - take: called on the thread; empty where somebody came before.
  ///   - publish: changes places with the learner that forecasts.
  func schedule(
    _ take: @escaping @Sendable () -> ClosedTokens,
    publish: @escaping @Sendable (inout Learner) -> Void
  ) {
    thread.async { [self] in
      attempt { perform(try recorder.take(take()), publish: publish) }
    }
  }

  /// Waits for everything scheduled.
  ///
  /// - Throws: what went wrong with it.
  func flush() throws {
    try thread.sync { if let failure { throw failure } }
  }

  /// Waits for everything scheduled, ends the chunk, and hands the learner out.
  ///
  /// - Throws: what went wrong before; what `body` throws.
  func withLearner<Result>(
    publish: @escaping @Sendable (inout Learner) -> Void, _ body: (Learner) throws -> Result
  ) throws -> Result {
    try thread.sync {
      attempt { perform(try recorder.endChunk(), publish: publish) }
      if let failure { throw failure }
      return try body(learner)
    }
  }

  /// Waits for everything scheduled, and ends the trace.
  ///
  /// - Throws: what went wrong with any of it.
  func finish() throws {
    try thread.sync {
      if let failure { throw failure }
      try recorder.finish()
    }
  }

  private func perform(
    _ steps: [ChunkRecorder.Step], publish: @Sendable (inout Learner) -> Void
  ) {
    guard learns, !steps.isEmpty else { return }
    attempt {
      try learn(steps)
      publish(&learner)
      // The older one, which took the place, learns the same.
      try learn(steps)
    }
  }

  private func learn(_ steps: [ChunkRecorder.Step]) throws {
    for step in steps {
      switch step {
      case .learn(let block): try learner.learn(block)
      case .pass(let checksum): learner.pass(chunk: checksum)
      }
    }
  }

  /// Keeps the first failure; does nothing after one.
  private func attempt(_ body: () throws -> Void) {
    guard failure == nil else { return }
    do { try body() } catch { failure = error }
  }
}
