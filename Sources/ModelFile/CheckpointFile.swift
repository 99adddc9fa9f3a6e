import DurableFile
import Prequential
import SystemPackage

/// The model file that a run writes its checkpoints to: its own, by a lock, until it is let go.
///
/// ```swift
/// let file = try CheckpointFile("model.h5", keeping: 2)
/// try file.write(learner)
/// ```
public struct CheckpointFile: ~Copyable {
  /// The model file.
  public let path: String
  /// Older generations that stay.
  public let keeping: Int
  private let lock: FileLock
  private let operations: any FileOperations

  /// The process that was writing this file when it was killed, if one was.
  public var staleWriter: Int? { lock.stale }

  /// Takes the lock `path.lock` and removes temporary files that a killed writer left.
  ///
  /// - Throws: ``ModelError``: another process writes this file, or something else than a model is
  ///   there.
  public init(
    _ path: String, keeping: Int = 1, operations: any FileOperations = SystemFileOperations()
  ) throws(ModelError) {
    try Self.refuseOthers(at: path)
    do throws(FileError) {
      let lock = try FileLock(of: FilePath(path))
      removeLeftovers(of: FilePath(path))
      self.lock = lock
    } catch {
      throw ModelError(error)
    }
    self.path = path
    self.keeping = keeping
    self.operations = operations
  }

  /// Replaces the checkpoint; see ``Checkpoint/write(_:to:keeping:operations:)``.
  public func write(_ learner: Learner) throws(ModelError) {
    try Checkpoint.write(learner, to: path, keeping: keeping, operations: operations)
  }

  /// Throws where a file that was never a model would be overwritten.
  public static func refuseOthers(at path: String) throws(ModelError) {
    guard generations(of: FilePath(path)).first?.string == path else { return }
    do throws(ModelError) { _ = try Checkpoint.header(of: path) } catch {
      switch error.kind {
      case .notAModel, .unsupported:
        throw ModelError(
          error.kind, file: path, problem: "something else than a model of this program is there",
          remedy: "choose another name")
      case .access, .tooLarge: throw error
      case .damaged, .mismatch: return
      }
    }
  }
}
