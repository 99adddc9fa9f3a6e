import PathText
import SystemPackage

/// What an output may replace: an empty file or one of its own kind, and never what the run reads.
///
/// Names do not matter, only the files that they lead to: a symbolic or hard link to an input is
/// that input.
///
/// ```swift
/// let rule = OutputRule(kind: "a moecast trace", inputs: ["model.h5"]) { isTrace($0) }
/// try rule.check("drawn.moe.lz4")
/// ```
public struct OutputRule {
  /// What the command writes, with its article, for messages.
  public var kind: String
  /// Whether a file of any kind may be replaced; an input is spared all the same.
  public var isForced: Bool
  private let inputs: [FileIdentity: FilePath]
  private let isOfKind: (FilePath) -> Bool

  /// - Parameters:
  ///   - inputs: the files that the run reads; those that are not there count for nothing.
  ///   - standardInput: whether it reads standard input too, which may be a file.
  ///   - isOfKind: whether a file that holds something is of the kind that is written.
  public init(
    kind: String, inputs: some Sequence<FilePath>, standardInput: Bool = false,
    isForced: Bool = false, isOfKind: @escaping (FilePath) -> Bool
  ) {
    self.kind = kind
    self.isForced = isForced
    self.isOfKind = isOfKind
    var known: [FileIdentity: FilePath] = [:]
    for input in inputs {
      if let identity = FileIdentity(input) { known[identity] = input }
    }
    if standardInput, let identity = FileIdentity(.standardInput) {
      known[identity] = "standard input"
    }
    self.inputs = known
  }

  /// Throws where `path` may not be replaced.
  ///
  /// - Parameter keeping: generations that will be renamed too: none of them may be an input.
  public func check(_ path: FilePath, keeping: Int = 0) throws(FileError) {
    for number in 0...max(0, keeping) {
      let replaced = generation(number, of: path)
      guard let input = FileIdentity(replaced).flatMap({ inputs[$0] }) else { continue }
      throw FileError(
        replaced, .inspect,
        (input == replaced ? "" : "is the same file as \(input.text) and ")
          + "would be replaced though it is an input",
        remedy: "name another output")
    }
    guard !isForced, let status = try? path.stat(), status.type == .regular, status.size > 0,
      !isOfKind(path)
    else { return }
    throw FileError(
      path, .inspect, "holds something else than \(kind)",
      remedy: "name another output, or use --force to replace it")
  }
}
