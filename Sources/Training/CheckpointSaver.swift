import Dispatch
import ModelFile
import Prequential
import Synchronization

/// Writes checkpoints on another thread while the caller goes on learning.
///
/// It holds the learner as it was handed over; tables that change meanwhile are copied by the first
/// write to them, so that for the time of one checkpoint they may be there twice.
///
/// Unchecked: the file, the only state that is not guarded, is written on the queue alone, one
/// checkpoint at a time, as libhdf5 needs it.
public final class CheckpointSaver: @unchecked Sendable {
  private let file: CheckpointFile
  private let queue = DispatchQueue(label: "moecast.checkpoint")
  private let failure = Mutex<(any Error)?>(nil)

  /// Takes the file over, with its lock.
  public init(_ file: consuming CheckpointFile) { self.file = file }

  /// Begins to write `learner` as it is now, once the checkpoint before it is on the disk.
  ///
  /// - Throws: what went wrong with the checkpoint before.
  public func begin(_ learner: Learner) throws {
    try wait()
    queue.async { [self] in
      do { try file.write(learner) } catch { failure.withLock { $0 = error } }
    }
  }

  /// Writes `learner` and returns when it is on the disk.
  public func finish(_ learner: Learner) throws {
    try begin(learner)
    try wait()
  }

  private func wait() throws {
    queue.sync {}
    if let error = failure.withLock({ $0 }) { throw error }
  }
}
