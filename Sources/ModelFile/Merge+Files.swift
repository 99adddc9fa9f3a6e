import Prequential

extension Merge {
  /// The sum of the models at `paths`, two of them in memory at a time.
  ///
  /// ```swift
  /// let sum = try Merge.files(["monday.h5", "tuesday.h5"])
  /// try Checkpoint.write(sum, to: "both.h5")
  /// ```
  ///
  /// - Throws: ``ModelError``, naming the file that cannot be read or does not fit those before it.
  /// - Complexity: O(bytes of all models).
  public static func files(_ paths: [String]) throws(ModelError) -> Learner {
    var merge: Merge?
    for path in paths {
      let learner = try Checkpoint.read(path).learner
      guard merge != nil else {
        merge = Merge(learner)
        continue
      }
      do throws(Problem) { try merge?.add(learner) } catch {
        throw ModelError(
          .mismatch, file: path, problem: error.problem, remedy: error.remedy)
      }
    }
    guard let merge else {
      throw ModelError(
        .access, file: "no input", problem: "nothing to merge", remedy: "name two models or more")
    }
    return merge.learner
  }
}
