import SystemPackage

/// Why a foreign trace cannot be imported: where in it, what is wrong, and what the user can do
/// about it.
public struct ImportError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The kinds of fault, for programs.
  public enum Kind: Hashable, Sendable {
    /// A file or folder cannot be found, opened or read.
    case access
    /// It is in no known format, or not in the one named.
    case notATrace
    /// It is cut off, or its syntax, a size or a checksum is wrong.
    case malformed
    /// A value that no router of the shape can have written.
    case invalid
    /// It contradicts the shape or the options given, or an earlier request.
    case mismatch
    /// The shape, the prompt's length or another fact is neither in the file nor given.
    case missing
    /// It exceeds what this program accepts.
    case tooLarge
    /// It has the form of routing, but the engine that wrote it recorded none.
    case recordedNothing
  }

  /// Which kind of fault it is.
  public let kind: Kind
  /// The file or folder as the user gave it.
  public let file: String
  /// Byte of the file near the fault.
  public var byte: Int?
  /// Line of a text file, from 1.
  public var line: Int?
  /// Array inside an archive.
  public var member: String?
  /// Ordinal of the request in the stream, from 0.
  public var request: Int?
  /// Token of the request, from 0.
  public var token: Int?
  /// The model's own number of the layer.
  public var layer: Int?
  /// What is wrong, as a clause for messages.
  public let problem: String
  /// What the user can do.
  public let remedy: String

  /// A fault in `file`, at the place that the other parameters name.
  public init(
    _ kind: Kind, file: String, byte: Int? = nil, line: Int? = nil, member: String? = nil,
    request: Int? = nil, token: Int? = nil, layer: Int? = nil, problem: String, remedy: String
  ) {
    self.kind = kind
    self.file = file
    self.byte = byte
    self.line = line
    self.member = member
    self.request = request
    self.token = token
    self.layer = layer
    self.problem = problem
    self.remedy = remedy
  }

  /// What to do where nothing was recorded: the causes that are known.
  static let recordAgain =
    "record again: known causes are an engine started without its option for routed experts, a MoE "
    + "or attention backend that does not report them, requests answered from a cache, and padding"

  /// A failed system call on `file`.
  init(_ errno: Errno, file: String, doing: String) {
    self.init(
      .access, file: file, problem: "cannot \(doing): \(errno)",
      remedy: "check the path and its permissions")
  }

  /// One line:
  /// `2.json, request 0, token 12, layer 7, byte 4711: expert 128 is outside 0 to 127; ...`
  public var description: String {
    var place = file
    if let member { place += ", array \(member)" }
    if let request { place += ", request \(request)" }
    if let token { place += ", token \(token)" }
    if let layer { place += ", layer \(layer)" }
    if let line { place += ", line \(line)" }
    if let byte { place += ", byte \(byte)" }
    let text = "\(place): \(problem); \(remedy)"
    // Names of files and texts from them may hold anything; the message stays one line.
    return String(
      text.unicodeScalars.map { $0.properties.generalCategory == .control ? "?" : Character($0) })
  }

  /// The same fault, with the ordinal of the request in which it was found.
  func inRequest(_ request: Int) -> ImportError {
    var copy = self
    copy.request = copy.request ?? request
    return copy
  }
}
