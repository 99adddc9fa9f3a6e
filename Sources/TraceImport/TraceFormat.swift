/// A reader of one foreign format: opens one source after another and gives their requests.
protocol TraceFormat: SendableMetatype {
  /// The name on the command line.
  static var name: String { get }

  /// What it is, in a few words for people.
  static var summary: String { get }

  /// A small file that is read without an error where there are 8 experts.
  static var sample: (fileName: String, content: [UInt8]) { get }

  /// Keys of its JSON or columns of its tables, by which a file of no known format is told to be near
  /// this one; empty where it has none.
  static var marks: [String] { get }

  /// Whether a file is one JSON value, of a request or of many; standard input may then hold several
  /// behind one another.
  static var isOneValue: Bool { get }

  /// A reader that has opened nothing.
  ///
  /// - Parameter options: what the user knows beside the files.
  /// - Throws: ``ImportError`` where the options lack what this format needs.
  init(options: ImportOptions) throws(ImportError)

  /// Whether files of this format may have such a name, which is without the `.gz` of compressed
  /// ones; used to choose among a folder's files.
  static func accepts(fileNamed name: String) -> Bool

  /// Whether a file that begins so is of this format.
  ///
  /// - Parameters:
  ///   - head: the first bytes, up to a megabyte, inflated and without a byte order mark.
  ///   - name: the file's name without its folder, and without the `.gz` of compressed files.
  static func recognises(_ head: [UInt8], fileNamed name: String) -> Bool

  /// What is opened at once: a file each, unless the format spreads a request over files.
  static func sources(of files: [FoundFile]) throws(ImportError) -> [TraceSource]

  /// Goes on to `source`, leaving the last one.
  mutating func open(_ source: TraceSource) throws(ImportError)

  /// The next request of the open source; nil where it has no more.
  ///
  /// - Parameter bounds: what its events must keep; formats check what they meet early, the rest is
  ///   checked behind them.
  mutating func next(within bounds: EventBounds) throws(ImportError) -> RawRequest?
}

extension TraceFormat {
  static var marks: [String] { [] }

  static var isOneValue: Bool { false }

  /// One source a file.
  static func sources(of files: [FoundFile]) throws(ImportError) -> [TraceSource] {
    files.map { TraceSource(path: $0.path, folder: $0.folder, size: $0.size, files: [$0]) }
  }

  /// One source a folder, of files in the order of their paths.
  static func folderSources(of files: [FoundFile]) -> [TraceSource] {
    var sources: [TraceSource] = []
    for file in files {
      let folder = parent(file.path)
      if sources.last?.path == folder {
        sources[sources.count - 1].files.append(file)
        sources[sources.count - 1].size += file.size
      } else {
        sources.append(
          TraceSource(path: folder, folder: file.folder, size: file.size, files: [file]))
      }
    }
    return sources
  }
}

/// What is known of every event before a request is read.
struct EventBounds {
  /// The most experts that a layer can have.
  static let mostExperts = 32_768

  /// Experts of a MoE layer (E).
  var experts: Int
  /// Experts a token takes (K), or nil before the first request of a shape that is not given.
  var topK: Int?
}
