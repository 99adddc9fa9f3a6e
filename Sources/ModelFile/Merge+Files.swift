import Prequential

extension Merge {
  /// The merge of the models at `paths`, two of them in memory at a time.
  ///
  /// ```swift
  /// let merged = try Merge.files(["monday.h5", "tuesday.h5"])
  /// try Checkpoint.write(merged, to: "both.h5")
  /// ```
  ///
  /// Every file is read twice: what it is, so that the order does not depend on that of `paths`,
  /// and then what it knows.
  ///
  /// - Throws: ``ModelError``, naming the file that cannot be read or does not fit those before it.
  /// - Complexity: O(bytes of all models).
  public static func files(_ paths: [String]) throws(ModelError) -> Learner {
    let plan = try plan(paths)
    var merge = Merge(plan)
    for index in plan.order {
      let learner = try Checkpoint.read(paths[index]).learner
      try naming(paths[index]) { () throws(Problem) in try merge.join(learner) }
    }
    guard let learner = merge.learner else {
      throw ModelError(
        .access, file: "no input", problem: "nothing to merge", remedy: "name two models or more")
    }
    return learner
  }

  /// The plan of a merge of the models at `paths`, of which no table is read.
  ///
  /// - Throws: ``ModelError``, naming the file that cannot be read or does not fit those before it.
  /// - Complexity: O(bytes of all models).
  private static func plan(_ paths: [String]) throws(ModelError) -> MergePlan {
    var plan = MergePlan()
    for path in paths {
      let shard = try Checkpoint.shard(path)
      try naming(path) { () throws(Problem) in try plan.add(shard) }
    }
    return plan
  }

  /// Does `work`, whose problems are told of the file at `path`.
  private static func naming(_ path: String, _ work: () throws(Problem) -> Void) throws(ModelError)
  {
    do throws(Problem) { try work() } catch {
      throw ModelError(.mismatch, file: path, problem: error.problem, remedy: error.remedy)
    }
  }
}
