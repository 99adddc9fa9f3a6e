import Dispatch
import Live
import ModelFile
import Prequential

/// Keeps the model of a service in its file: one checkpoint at a time, while forecasts and learning
/// go on. A checkpoint that fails is told to whoever asked for it, and the next one is tried anew.
///
/// Unchecked: the file is written on the queue alone.
final class ModelKeeper: @unchecked Sendable {
  private let file: CheckpointFile
  private let queue = DispatchQueue(label: "moecast.keeper")

  /// Takes the file over, with its lock.
  init(_ file: consuming CheckpointFile) { self.file = file }

  /// What the file's lock and leftovers have to say.
  var warnings: [String] { file.warnings }

  /// Writes what `live` has learnt of all that is closed by now.
  ///
  /// - Returns: tokens that the model on the disk has learnt.
  /// - Throws: `ModelFile/ModelError`, or what went wrong with learning.
  func save(_ live: LiveForecaster) throws -> UInt64 {
    try queue.sync {
      let learner = try live.withLearner { $0 }
      try file.write(learner)
      return learner.total(\.tokens)
    }
  }

  /// Throws where a model of this shape may not replace the one that is kept.
  func check(_ learner: Learner) throws { try file.check(replacingBy: learner.shape) }
}
