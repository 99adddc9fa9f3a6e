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

  /// The name without folders.
  var name: String { lastComponent(path) }
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

  /// The file's name without folder and suffix.
  var stem: String {
    if isStandardInput { return "" }
    let name = lastComponent(path)
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

  /// How LZ4 frames begin, moecast traces among them.
  private static let lz4Magic: [UInt8] = [0x04, 0x22, 0x4D, 0x18]
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
    guard !inputs.isEmpty else {
      throw ImportError(
        .access, file: "no input", problem: "nothing to read",
        remedy: "name files or folders of traces")
    }
    var files: [FoundFile] = []
    for input in inputs {
      if input == StandardStream.dash {
        files.append(try Self.read(standardInput, limit: limit))
      } else {
        files += try Self.expand(input)
      }
    }
    let format: ForeignFormat
    if let wanted { format = wanted } else { format = try Self.guess(files, inputs: inputs) }
    let chosen = files.filter { $0.isNamed || format.type.accepts(fileNamed: $0.name) }
    guard !chosen.isEmpty else {
      throw ImportError(
        .notATrace, file: inputs[0], problem: "no file of format \(format.name) is in it",
        remedy: "name another folder, or use --format auto")
    }
    self.format = format
    sources = try format.type.sources(of: chosen)
    passedOver = files.count - chosen.count
  }

  /// The first format that one of the files is in.
  private static func guess(_ files: [FoundFile], inputs: [String]) throws(ImportError)
    -> ForeignFormat
  {
    for file in files {
      let head: [UInt8]
      if let content = file.content {
        head = Array(content.bytes.prefix(headSize))
      } else {
        head = try FileBytes.head(of: file.path, count: headSize)
      }
      let name = file.name
      if let format = ForeignFormat.all.first(where: {
        $0.type.recognises(head, fileNamed: name)
      }) {
        return format
      }
      if file.isNamed, head.starts(with: lz4Magic) {
        throw ImportError(
          .notATrace, file: file.path, problem: "it is compressed with LZ4, as moecast traces are",
          remedy:
            "leave --shape and --experts out where it is a trace, which is written anew then; "
            + "else decompress it with `lz4 -d`")
      }
      if file.isNamed {
        throw ImportError(
          .notATrace, file: file.path,
          problem: head.isEmpty
            ? "the file is empty"
            : "it is in none of the known formats",
          remedy: "name the format with --format, one of "
            + ForeignFormat.names.joined(separator: ", "))
      }
    }
    throw ImportError(
      .notATrace, file: inputs.joined(separator: ", "),
      problem: "none of its \(files.count) files is in a known format",
      remedy: "name a folder of traces, or the format with --format")
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
