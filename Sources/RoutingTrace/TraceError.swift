import PathText
import SystemPackage

/// Why a trace cannot be read or written: where, what, and what the user can do about it.
///
/// ```swift
/// do {
///   let reader = try TraceReader(TraceFile("trace.moe.lz4"), name: "trace.moe.lz4")
///   print(reader.header.shape)
/// } catch let error as TraceError where error.kind == .truncated {
///   print(error)   // one line: file, chunk, byte, problem, remedy
/// }
/// ```
public struct TraceError: Error, Hashable, CustomStringConvertible {
  /// The kinds of fault, for programs.
  public enum Kind: Hashable, Sendable {
    /// The file, folder or pipe cannot be opened, read or written.
    case access
    /// It is something else than a trace.
    case notATrace
    /// It ends inside a chunk or before its first.
    case truncated
    /// A checksum, a size or a value in it is wrong.
    case corrupt
    /// Its frames are not its header and chunks: it was compressed again, or not with LZ4 frames.
    case reframed
    /// Its shape is not the one expected.
    case shapeMismatch
    /// It exceeds what this program accepts.
    case tooLarge
  }

  /// Which kind of fault it is.
  public let kind: Kind
  /// The file's name as the user gave it, `standard input`, or a name a caller chose.
  public let file: String
  /// Ordinal of the chunk, if one was begun.
  public var chunk: Int?
  /// Byte of the compressed file at which the chunk begins.
  public var offset: Int?
  /// What is wrong, as a clause for messages.
  public let problem: String
  /// What the user can do.
  public let remedy: String

  /// A fault in `file`, at the place that the other parameters name.
  public init(
    _ kind: Kind, file: String, chunk: Int? = nil, offset: Int? = nil, problem: String,
    remedy: String
  ) {
    self.kind = kind
    self.file = file
    self.chunk = chunk
    self.offset = offset
    self.problem = problem
    self.remedy = remedy
  }

  /// A failed system call on `file`.
  ///
  /// - Parameters:
  ///   - use: what was wanted of the file, on which the remedy depends.
  ///   - doing: what cannot be done, in words such as "open it".
  public init(_ errno: Errno, file: String, for use: FileUse = .reading, doing: String) {
    self.init(
      .access, file: file, problem: "cannot \(doing): \(errno)", remedy: errno.remedy(for: use))
  }

  /// One line: the file, chunk and byte, the problem, what to do.
  public var description: String {
    var place = file
    if let chunk { place += ", chunk \(chunk)" }
    if let offset { place += ", byte \(offset)" }
    return "\(place): \(problem); \(remedy)"
  }
}
