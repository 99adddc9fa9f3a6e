import Forecast
import Prequential

/// What a model file holds, and whether everything in it agrees: what `moecast inspect --verify`
/// prints.
///
/// ```swift
/// let model = try ModelInspection(verifying: "model.h5")
/// print(model.header.predictors, model.isIntact)
/// for problem in model.problems { print(problem) }
/// ```
public struct ModelInspection: Sendable {
  /// The file that was read.
  public let path: String
  /// Bytes of the file.
  public let bytes: Int
  /// What the model is: shape, predictors, how far its stream was read.
  public let header: ModelHeader
  /// What was learnt.
  public let learner: Learner
  /// Whether the file ends with the seal it was written with.
  public let isSealed: Bool
  /// Totals that do not agree; empty for an intact model.
  public let problems: [String]

  /// Whether everything that was checked agrees.
  public var isIntact: Bool { problems.isEmpty }

  /// Reads all of a model file and checks every checksum, digest, type, range and total.
  ///
  /// - Throws: ``ModelError`` where the file cannot be read as a model at all.
  /// - Complexity: O(bytes of the tables).
  public init(verifying path: String) throws(ModelError) {
    let checkpoint = try Checkpoint.read(path, requiringTotals: false)
    self.path = path
    bytes = checkpoint.bytes
    learner = checkpoint.learner
    header = checkpoint.header
    isSealed = checkpoint.isSealed
    problems = Totals(checkpoint.learner).problems
  }
}
