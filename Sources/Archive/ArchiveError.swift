/// What is wrong with an archive or with an array; whoever knows the file and the member adds the place.
package struct ArchiveError: Error, Hashable, CustomStringConvertible {
  package let problem: String
  /// What the user can do.
  package let remedy: String

  package init(_ problem: String, remedy: String = "write the file again") {
    self.problem = problem
    self.remedy = remedy
  }

  package var description: String { "\(problem); \(remedy)" }

  static let object = ArchiveError(
    "it is an object array: a Python pickle, which can run any code and is never read",
    remedy: "save it as an array of integers, numpy.stack(list).astype('uint8')")
}
