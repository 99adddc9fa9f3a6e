import Archive

/// Why a file of sums cannot be read, written or added to others: what is wrong, and what the user
/// can do.
public struct ShardSumsError: Error, Hashable, CustomStringConvertible {
  /// The file, where one is at fault.
  public var file: String?
  /// What is wrong, as a clause for messages.
  public var problem: String
  /// What the user can do.
  public var remedy: String

  /// A fault of `file`, or of what a caller will name.
  public init(file: String? = nil, _ problem: String, remedy: String) {
    self.file = file
    self.problem = problem
    self.remedy = remedy
  }

  /// What an archive's array is said to be at fault in.
  init(_ error: ArchiveError, member: String? = nil) {
    self.init(
      (member.map { "its \($0): " } ?? "") + error.problem, remedy: Self.again)
  }

  /// The same fault, told of `file` where no file is named yet.
  public func of(_ file: String) -> ShardSumsError {
    var error = self
    error.file = self.file ?? file
    return error
  }

  /// The remedy for a file that is damaged or incomplete.
  static let again = "write the shard's sums again with --partial"

  /// The sums of two shards that cannot be added: `what` is `one` in the first and `other` in this.
  public static func differs(_ what: String, _ one: String, _ other: String) -> ShardSumsError {
    ShardSumsError(
      "its \(what) is \(other), that of the shards before it \(one)",
      remedy: "give sums of shards that were measured alike")
  }

  /// A sum would pass what a figure can hold.
  public static let full = ShardSumsError(
    "its sums and those before it together are beyond what is counted",
    remedy: "tell the figures of fewer shards at once")

  /// So many chunks of a shard are counted already.
  public static func overlap(_ chunks: Int) -> ShardSumsError {
    ShardSumsError(
      "\(chunks) of its chunks are counted in the shards before it: a shard was given twice",
      remedy: "name every shard once")
  }

  /// One line: the file, the problem, what to do.
  public var description: String { (file.map { "\($0): " } ?? "") + "\(problem); \(remedy)" }
}
