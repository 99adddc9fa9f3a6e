import FoundationEssentials
import Glibc
import PathText
import RoutingTrace
import SystemPackage

/// A file among the inputs.
struct FoundFile {
  /// The path as it follows from the input.
  var path: String
  /// Name of the folder it lies in, known even where the input was a bare file name.
  var folder: String
  /// Bytes by the file system, or 0 where it cannot say.
  var size: Int
  /// Whether the user named the file itself; files met in folders may be passed over.
  var isNamed: Bool
  /// What was read of it already, where it can be read once only.
  var content: FileBytes?

  /// The name without folders, and without the `.gz` of compressed files: what formats go by.
  var name: String { withoutCompression(lastComponent(path)) }
}

/// What a format opens at once.
struct TraceSource {
  /// The file or folder, for messages.
  var path: String
  /// Name of the folder.
  var folder: String
  /// Bytes of the source's files by the file system.
  var size: Int
  /// The one file, or all files of a folder that are read in step.
  var files: [FoundFile]

  /// Whether it has no name: what it says of itself is all that is known of it.
  var isStandardInput: Bool { files.first?.content != nil }

  /// The file's name without folder and suffix, nor the `.gz` of compressed files.
  var stem: String {
    if isStandardInput { return "" }
    let name = withoutCompression(lastComponent(path))
    guard let dot = name.lastIndex(of: "."), dot != name.startIndex else { return name }
    return String(name[..<dot])
  }
}

/// Lists the inputs' files and chooses those of one format.
///
/// Order: inputs as given; files of a folder, at any depth, by their paths below it, compared byte
/// by byte but with runs of digits as numbers (`RoutingTrace/naturallyPrecedes(_:_:)`). So `2.json`
/// stands before `10.json`, and names without numbers or with numbers of one width come as in
/// Python's `sorted(glob(...))`. Hidden files are passed over.
struct SourceFinder {
  /// The format of the sources.
  let format: ForeignFormat
  /// What to read, in order.
  let sources: [TraceSource]
  /// Files in folders that have another name than the format's.
  let passedOver: Int

  /// Bytes that a guess may look at.
  private static let headSize = 1 << 20

  /// - Parameters:
  ///   - inputs: files, folders, or `-` for standard input, which is read at once.
  ///   - format: the format, or nil to guess it from the first file that is in a known one.
  ///   - limit: the most that is taken from standard input, in bytes.
  init(
    _ inputs: [String], format wanted: ForeignFormat?, limit: Int = ImportOptions.largestFileSize,
    standardInput: FileDescriptor = .standardInput
  ) throws(ImportError) {
    let files = try Self.files(of: inputs, limit: limit, standardInput: standardInput)
    let format: ForeignFormat
    if let wanted { format = wanted } else { format = try Self.guess(files, inputs: inputs) }
    let chosen = files.filter { $0.isNamed || format.type.accepts(fileNamed: $0.name) }
    try Self.refuseTwins(chosen)
    guard !chosen.isEmpty else {
      throw ImportError(
        .notATrace, file: inputs[0], problem: "no file of format \(format.name) is in it",
        remedy: "name another folder, or use --format auto")
    }
    self.format = format
    sources = try format.type.sources(of: chosen)
    passedOver = files.count - chosen.count
  }

  /// All files that the inputs stand for, in order; standard input is read at once.
  static func files(
    of inputs: [String], limit: Int, standardInput: FileDescriptor = .standardInput
  ) throws(ImportError) -> [FoundFile] {
    guard !inputs.isEmpty else {
      throw ImportError(
        .access, file: "no input", problem: "nothing to read",
        remedy: "name files or folders of traces")
    }
    var files: [FoundFile] = []
    for input in inputs {
      if input == StandardStream.dash {
        files.append(try read(standardInput, limit: limit))
      } else {
        files += try expand(input)
      }
    }
    return files
  }

  /// The sources in parts that each hold other layers of the same requests: those of each input; of
  /// the only one, each source is a part.
  ///
  /// - Throws: ``ImportError`` where there is only one part, or standard input is among them.
  func parts(of inputs: [String]) throws(ImportError) -> [[TraceSource]] {
    guard !inputs.contains(StandardStream.dash) else {
      throw ImportError(
        .access, file: StandardStream.dash, problem: "standard input is one file, and not several",
        remedy: "name the files that are to be joined")
    }
    var parts: [[TraceSource]] = []
    if inputs.count == 1 {
      parts = sources.map { [$0] }
    } else {
      for input in inputs { parts.append(try SourceFinder([input], format: format).sources) }
    }
    guard parts.count > 1 else {
      throw ImportError(
        .mismatch, file: inputs[0], problem: "there is nothing to join it with",
        remedy: "name the files of all ranks or layers, or leave --join out")
    }
    return parts
  }

  /// Throws where a folder holds a file both compressed and not, as `gzip -k` leaves it: its
  /// requests would be there twice.
  private static func refuseTwins(_ files: [FoundFile]) throws(ImportError) {
    let names = Set(files.map(\.path))
    for file in files where !file.isNamed {
      let plain = withoutCompression(file.path)
      guard plain != file.path, names.contains(plain) else { continue }
      throw ImportError(
        .malformed, file: file.path, problem: "\(lastComponent(plain)) stands beside it",
        remedy: "move one of the two away, or name the files to read")
    }
  }

  /// The first format that one of the files is in.
  private static func guess(_ files: [FoundFile], inputs: [String]) throws(ImportError)
    -> ForeignFormat
  {
    var damage: ImportError?
    for file in files {
      let source: PlainBytes
      let head: [UInt8]
      do throws(ImportError) {
        source = try PlainBytes(file)
        head = try source.head(headSize)
      } catch {
        guard !file.isNamed, error.kind == .malformed else { throw error }
        damage = damage ?? error
        continue
      }
      let name = file.name
      if let format = ForeignFormat.all.first(where: {
        $0.type.recognises(head, fileNamed: name)
      }) {
        return format
      }
      if file.isNamed {
        let isCompressed = file.content?.isCompressed ?? source.isCompressed
        let content = UnknownContent(head, isCompressed: isCompressed)
        throw ImportError(
          .notATrace, file: file.path, problem: content.problem, remedy: content.remedy)
      }
    }
    if let damage { throw damage }
    throw ImportError(
      .notATrace, file: inputs.joined(separator: ", "),
      problem: "none of its \(files.count) files is in a known format",
      remedy: "name one of them to hear what it looks like")
  }

  /// Standard input, read at once.
  private static func read(
    _ standardInput: FileDescriptor, limit: Int
  ) throws(ImportError) -> FoundFile {
    let content = FileBytes(limit: limit)
    let name = TraceFile.name(of: StandardStream.dash)
    try content.read(standardInput, file: name)
    return FoundFile(path: name, folder: "", size: content.count, isNamed: true, content: content)
  }

  /// The files that an input stands for, in order.
  private static func expand(_ input: String) throws(ImportError) -> [FoundFile] {
    let place = FilePath(text: input)
    guard let kind = try? place.stat().type else {
      throw ImportError(
        .access, file: input, problem: "there is no such file or folder", remedy: "check the path")
    }
    let root = absolutePath(of: input)
    guard kind == .directory else {
      return [
        FoundFile(
          path: input, folder: lastComponent(parent(root)), size: size(of: input), isNamed: true)
      ]
    }
    var paths: [String]
    do throws(Errno) { paths = try filesBelow(place) } catch {
      throw ImportError(
        .access, file: input, problem: "the folder cannot be listed",
        remedy: "check its permissions")
    }
    paths = paths.filter { !$0.split(separator: "/").contains { $0.hasPrefix(".") } }
    paths.sort(by: naturallyPrecedes)
    var files: [FoundFile] = []
    for path in paths {
      let full = input + (input.hasSuffix("/") ? "" : "/") + path
      files.append(
        FoundFile(
          path: full, folder: lastComponent(parent(root + "/" + path)), size: size(of: full),
          isNamed: false))
    }
    guard !files.isEmpty else {
      throw ImportError(
        .notATrace, file: input, problem: "the folder is empty", remedy: "name a folder of traces")
    }
    return files
  }

  /// Bytes of a file by the file system, or 0.
  private static func size(of path: String) -> Int {
    (try? FilePath(text: path).stat()).map { Int($0.size) } ?? 0
  }

  /// `path` from the root on, so that the name of its folder is known.
  private static func absolutePath(of path: String) -> String {
    let full = path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
    var parts: [Substring] = []
    for part in full.split(separator: "/") where part != "." {
      if part == ".." { _ = parts.popLast() } else { parts.append(part) }
    }
    return "/" + parts.joined(separator: "/")
  }
}

/// The part of a path behind its last slash.
func lastComponent(_ path: String) -> String {
  String(path[(path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex)...])
}

/// The part of a path before its last slash.
func parent(_ path: String) -> String {
  String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
}

/// A file's name or path without the `.gz` of compressed files.
func withoutCompression(_ name: String) -> String {
  name.hasSuffix(".gz") ? String(name.dropLast(3)) : name
}
