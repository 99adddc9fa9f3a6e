/// A format of routing traces that other programs write and ``TraceImporter`` reads.
///
/// ```swift
/// for format in ForeignFormat.all { print(format.name, format.summary) }
/// let importer = try TraceImporter(
///   ["traces"], format: ForeignFormat(named: "npz"), options: ImportOptions(experts: 64))
/// ```
///
/// A format is a type in a file of its own, ``TraceFormat``, which says its name, what it is, how
/// it is recognised and how it is read; its place in ``all`` is all that the rest of the program
/// needs.
public struct ForeignFormat: Hashable, Sendable {
  /// The reader of this format.
  let type: any TraceFormat.Type

  init(_ type: any TraceFormat.Type) { self.type = type }

  /// All formats, in the order in which files are tried.
  public static let all: [ForeignFormat] = [
    .paperJSON, .gptOSS, .npz, .routeFolder, .routerLogits, .vllmNPY, .moeBeyond, .esft,
    .vllmLogger, .sglangJSON, .sglangRecorder, .flameActives, .layerRows, .megatron, .moeCacheLab,
    .moeTrace,
    .tokenChoices, .llamaCSV, .llamaBinary, .expertColumns, .vllmJSON, .olmoe, .atlas, .glmExport,
  ]

  /// The names of all formats, for messages.
  public static var names: [String] { all.map(\.name) }

  /// The format of this name; nil where there is none.
  public init?(named name: String) {
    guard let format = Self.all.first(where: { $0.name == name }) else { return nil }
    self = format
  }

  /// The name on the command line, such as `esft`.
  public var name: String { type.name }

  /// What it is, in a few words for people.
  public var summary: String { type.summary }

  /// A small file of the format, which is read without an error where there are 8 experts, for
  /// tests and for fuzzing to begin with.
  package var sample: (fileName: String, content: [UInt8]) { type.sample }

  /// Whether both are one format.
  public static func == (one: ForeignFormat, other: ForeignFormat) -> Bool {
    one.name == other.name
  }

  /// Hashes the name.
  public func hash(into hasher: inout Hasher) { hasher.combine(name) }
}
