/// A format of counts of experts' choices that other programs write, which become a load profile
/// and no trace: what each token took is not in them.
///
/// ```swift
/// for format in CountsFormat.all { print(format.name, format.summary) }
/// ```
///
/// As with ``ForeignFormat``, a format is a type in a file of its own, and its place in ``all`` is
/// all that the rest of the program needs.
public struct CountsFormat: Hashable, Sendable {
  /// The reader of this format.
  let type: any CountsReader.Type

  init(_ type: any CountsReader.Type) { self.type = type }

  /// All formats, in the order in which files are tried.
  public static let all: [CountsFormat] = [
    .sglangCounts, .sglangCountsJSON, .tensorRTStatistics, .imatrix, .eplbLoad, .countsCSV,
  ]

  /// The names of all formats, for messages.
  public static var names: [String] { all.map(\.name) }

  /// The format of this name; nil where there is none.
  public init?(named name: String) {
    guard let format = Self.all.first(where: { $0.name == name }) else { return nil }
    self = format
  }

  /// The name on the command line, such as `imatrix`.
  public var name: String { type.name }

  /// What it is, in a few words for people.
  public var summary: String { type.summary }

  /// A small file of the format, which is read without an error, for tests and for fuzzing to begin
  /// with.
  package var sample: (fileName: String, content: [UInt8]) { type.sample }

  /// Whether both are one format.
  public static func == (one: CountsFormat, other: CountsFormat) -> Bool { one.name == other.name }

  /// Hashes the name.
  public func hash(into hasher: inout Hasher) { hasher.combine(name) }
}

/// A reader of one format of counts.
protocol CountsReader: SendableMetatype {
  /// The name on the command line.
  static var name: String { get }

  /// What it is, in a few words for people.
  static var summary: String { get }

  /// A small file that is read without an error.
  static var sample: (fileName: String, content: [UInt8]) { get }

  /// Whether files of this format may have such a name, without the `.gz` of compressed ones; used
  /// to choose among a folder's files.
  static func accepts(fileNamed name: String) -> Bool

  /// Whether a file that begins so is of this format; see `TraceFormat`.
  static func recognises(_ head: [UInt8], fileNamed name: String) -> Bool

  /// The counts of a file, window by window.
  ///
  /// - Parameter bytes: the whole file, inflated and without a byte order mark.
  static func counts(
    in bytes: UnsafeRawBufferPointer, of file: FoundFile
  ) throws(ImportError) -> RawCounts
}

/// The counts of one file, before they are held against the model.
struct RawCounts {
  /// The layers, as requests have them.
  var layers: RawRequest.LayerAxis
  /// Experts of a layer (E).
  var experts: Int
  /// Experts a token takes (K), where the file says so.
  var topK: Int?
  /// What a window is, in a word.
  var windowKind = "whole"
  /// The numbers of the windows.
  var windows: [Int64] = [0]
  /// `[window, layer, expert]`.
  var counts: [UInt64]
}

extension ImportError {
  /// A fault of a file of counts.
  static func counts(
    _ file: String, _ problem: String, remedy: String = "record or write the file again",
    kind: Kind = .malformed, line: Int? = nil, member: String? = nil
  ) -> ImportError {
    ImportError(kind, file: file, line: line, member: member, problem: problem, remedy: remedy)
  }
}
