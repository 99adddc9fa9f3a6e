import DurableFile
import Forecast
import FoundationEssentials
import ModelFile
import PathText
import Prequential
import RoutingTrace
import SystemPackage
import Training

/// A comparison that was broken off, in two files: a model with what its predictors have learnt, and
/// beside it, `.groups`, what each group of requests reached.
final class KeptComparison {
  private let model: CheckpointFile
  private let path: String

  /// - Parameter inputs: files that may not be replaced.
  /// - Throws: `ModelError` where something else stands there.
  init(_ path: String, inputs: [String]) throws {
    self.path = path
    model = try CheckpointFile(path, keeping: 0, inputs: inputs, isForced: false, isLocked: true)
    for warning in model.warnings { complain("moecast: \(warning)") }
  }

  private static func groups(of path: String) -> String { path + ".groups" }

  /// The comparison as it was, with `stream` behind the chunks that it has seen; nil where none has
  /// begun.
  ///
  /// - Parameters:
  ///   - path: the model file.
  ///   - specs: the predictors asked for.
  /// - Throws: `ModelError`, `TraceError`; ``KeptResultsError`` where the two files, or they and
  ///   what is asked for, do not belong together.
  static func comparison(
    at path: String, _ stream: inout TraceStream, predictors specs: [PredictorSpec],
    recallAt: [Int]?
  ) throws -> Comparison? {
    guard (try? FilePath(text: path).stat()) != nil else { return nil }
    let learner: Learner
    do {
      learner = try TrainingStart.resuming(
        try Checkpoint.readNewest(of: path), &stream, predictors: specs, recallAt: recallAt)
    } catch let error as ModelError where error.kind == .mismatch {
      throw KeptResultsError(
        path: path, problem: "\(error.problem); ask for the same again, or name another file")
    }
    let groups = groups(of: path)
    guard
      let bytes = try? firstBytes(of: FilePath(text: groups), count: 1 << 30),
      let tallies = try? JSONDecoder().decode(Comparison.Tallies.self, from: Data(bytes)),
      let comparison = Comparison(resuming: learner, tallies)
    else {
      throw KeptResultsError(
        path: groups,
        problem: "it does not belong to \(path); remove both, or name another file")
    }
    return comparison
  }

  /// Keeps a comparison as it is now.
  func keep(_ comparison: Comparison) throws {
    // The groups first: a model with older ones beside it could not be gone on with.
    let tallies = try JSONEncoder().encode(comparison.tallies)
    var file = try DurableFile(replacing: FilePath(text: Self.groups(of: path)))
    try file.append(Array(tallies))
    try file.commit()
    try model.write(comparison.learner)
  }
}
