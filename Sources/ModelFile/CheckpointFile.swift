import DurableFile
import HDF5
import PathText
import Prequential
import RoutingTrace
import Synchronization
import SystemPackage

/// The model file that a run writes its checkpoints to: its own, by a lock, until it is let go.
///
/// ```swift
/// let file = try CheckpointFile("model.h5", keeping: 2)
/// file.warnings.forEach { print($0) }
/// try file.write(learner)
/// ```
///
/// Two runs that wrote the same file would undo each other's work, so the second is refused.
public struct CheckpointFile: ~Copyable {
  /// The model file.
  public let path: String
  /// Older generations that stay beside the file: `path.1`, the newest, to `path.KEEPING`.
  public let keeping: Int
  /// What whoever asked for the file should know, a line each: locks or links that the file system
  /// does not have, and checkpoints that killed writers left.
  public let warnings: [String]
  /// The lock, where the file system has one; nil where nobody asked for it.
  private let lock: FileLock?
  /// Whole checkpoints that killed writers left under temporary names.
  private let leftovers: [Leftover]
  /// The shape of the model that stands there, which only one of the same model may replace; nil
  /// where there is none that can be read, or any may be replaced.
  private let standing: TraceShape?
  /// The seal of the checkpoint written last, which was parsed when it was read back.
  private let lastSeal = Mutex<[UInt8]?>(nil)
  /// The system's calls, which tests replace.
  private let operations: any FileOperations

  /// Takes the lock of the file that `path` leads to, and removes temporary files that a killed
  /// writer left, but for whole checkpoints that know what no intact generation knows.
  ///
  /// - Parameters:
  ///   - keeping: older generations that stay.
  ///   - inputs: files that the run reads, none of which may be replaced.
  ///   - isForced: whether a file of another kind, or a model of another shape or name, may be
  ///     replaced.
  ///   - isLocked: whether a second writer is kept away.
  /// - Throws: ``ModelError``: another process writes this file, something else than a model is
  ///   there, it is an input, the folder takes no files, or libhdf5 is not there.
  public init(
    _ path: String, keeping: Int = 1, inputs: [String] = [], isForced: Bool = false,
    isLocked: Bool = true, operations: any FileOperations = SystemFileOperations()
  ) throws(ModelError) {
    // Before anything is learnt that could not be saved.
    do throws(H5Error) { try H5File.requireLibrary() } catch { throw ModelError(error, file: path) }
    do throws(FileError) {
      let file = FilePath(text: path)
      let rule = OutputRule(
        kind: "a model of this program", inputs: inputs.map { FilePath(text: $0) },
        isForced: isForced
      ) { Self.mayBeReplaced($0.text) }
      try rule.check(file, keeping: keeping)
      let lock = isLocked ? try FileLock(of: file) : nil
      let leftovers = Leftover.wholeOnes(of: path)
      removeLeftovers(of: file, except: leftovers.map { FilePath(text: $0.path) })
      var warnings: [String] = []
      switch lock {
      case .some(let lock):
        if !lock.isEffective {
          warnings.append(
            "\(path): this file system keeps no locks, so nothing keeps a second writer away; "
              + "--no-lock goes on without this line")
        }
        if let process = lock.stale {
          warnings.append("\(path): process \(process) was writing it and was killed; going on")
        }
      case .none: break
      }
      if keeping > 0, try !hasHardLinks(besides: file, operations: operations) {
        warnings.append(
          "\(path): this file system has no hard links; older generations are copied")
      }
      self.warnings = warnings + leftovers.map { $0.offer(for: path) }
      self.leftovers = leftovers
      self.lock = lock
    } catch {
      throw ModelError(error)
    }
    standing = isForced ? nil : (try? Checkpoint.header(of: path))?.shape
    self.path = path
    self.keeping = keeping
    self.operations = operations
  }

  /// Throws where a model that learns from traces of `shape` may not replace the one that is there.
  /// ``write(_:)`` asks too; who asks before has learnt nothing in vain.
  ///
  /// - Throws: ``ModelError`` of kind `mismatch`: the file holds a model of another shape or name.
  public func check(replacingBy shape: TraceShape) throws(ModelError) {
    guard let standing, !standing.isOfSameModel(as: shape) else { return }
    throw ModelError(
      .mismatch, file: path,
      problem: "it holds a model of \(standing), which one of \(shape) would replace",
      remedy: "name another output, or use --force to replace it")
  }

  /// Replaces the checkpoint; see ``Checkpoint/write(_:to:keeping:operations:)``. Leftovers that
  /// `learner` has gone past are removed.
  ///
  /// - Throws: ``ModelError``; the old checkpoint is untouched then.
  /// - Complexity: O(bytes of the tables): every checkpoint is a whole model.
  public func write(_ learner: Learner) throws(ModelError) {
    try check(replacingBy: learner.shape)
    let seal = try Checkpoint.write(
      learner, to: path, keeping: keeping, verifiedSeal: lastSeal.withLock { $0 },
      operations: operations)
    lastSeal.withLock { $0 = seal }
    for leftover in leftovers where learner.hasGonePast(leftover.learner) {
      try? operations.remove(FilePath(text: leftover.path))
    }
  }

  /// Whether a file is a model, or was one before it was damaged.
  private static func mayBeReplaced(_ path: String) -> Bool {
    do throws(ModelError) { _ = try Checkpoint.header(of: path) } catch {
      switch error.kind {
      case .notAModel, .unsupported: return false
      // A file that cannot be opened or is too large is refused later, with its own message, when
      // it is replaced.
      case .access, .tooLarge, .damaged, .mismatch: return true
      }
    }
    return true
  }
}

/// A whole checkpoint in a temporary file, whose writer was killed before it had its name.
private struct Leftover {
  /// The temporary file.
  var path: String
  /// What it holds.
  var learner: Learner

  /// The leftovers of `path` that were written later than every intact generation, and know what
  /// none does.
  static func wholeOnes(of path: String) -> [Leftover] {
    let found = leftoverFiles(of: FilePath(text: path))
    guard !found.isEmpty else { return [] }
    let intact = generations(of: FilePath(text: path)).lazy.compactMap { generation in
      (try? Checkpoint.read(generation.text)).map { (generation, $0.learner) }
    }.first
    return found.compactMap { file in
      guard let learner = (try? Checkpoint.read(file.text))?.learner else { return nil }
      if let (generation, newest) = intact {
        guard wasWritten(file, after: generation), !newest.hasGonePast(learner) else { return nil }
      }
      return Leftover(path: file.text, learner: learner)
    }
  }

  /// What to tell the user.
  func offer(for model: String) -> String {
    "\(path): a killed writer left this whole checkpoint of \(learner.progress.chunks) chunks, newer "
      + "than those that have their names; `mv` it to \(model) to go on from it"
  }
}

extension Learner {
  /// Whether this learner has learnt all that `other` had, in the same order.
  fileprivate func hasGonePast(_ other: Learner) -> Bool {
    predictors == other.predictors && past == other.past
      && progress.checksums.starts(with: other.progress.checksums)
  }
}
