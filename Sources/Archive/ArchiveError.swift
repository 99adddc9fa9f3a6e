/// What is wrong with an archive or with an array; whoever knows the file and the member adds the
/// place.
package struct ArchiveError: Error, Hashable, CustomStringConvertible {
  /// What is wrong, as a clause for messages.
  package let problem: String
  /// What the user can do.
  package let remedy: String

  /// An error; unless told otherwise the remedy is to write the file again.
  package init(_ problem: String, remedy: String = "write the file again") {
    self.problem = problem
    self.remedy = remedy
  }

  /// Problem and remedy in one line.
  package var description: String { "\(problem); \(remedy)" }

  static let object = ArchiveError(
    "it is an object array: a Python pickle, which can run any code and is never read",
    remedy: "save it as an array of integers, numpy.stack(list).astype('uint16')")
}
