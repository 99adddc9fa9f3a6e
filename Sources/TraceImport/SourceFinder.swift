import Archive
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
  /// What was read of it already, where it can be read once only or lies in an archive.
  var content: FileBytes?
  /// The archive that it lies in.
  var archive: ArchiveMembers?

  /// Whether it came from standard input.
  var isStandardInput: Bool { content != nil && archive == nil }

  /// The name without folders, and without the `.gz` or `.xz` of compressed files: what formats go
  /// by.
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
  var isStandardInput: Bool { files.first?.isStandardInput ?? false }

  /// A file beside the source's, from its archive or the file system; nil where there is none.
  func neighbour(_ path: String, limit: Int) throws(ImportError) -> FileBytes? {
    if let archive = files.first?.archive { return archive.contents[path] }
    guard !isStandardInput, FileBytes.exists(path) else { return nil }
    let bytes = FileBytes(limit: limit)
    try bytes.read(path)
    return bytes
  }

  /// The file's name without folder and suffix, nor the `.gz` or `.xz` of compressed files.
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
  ///   - inputs: files, folders, archives, patterns such as `traces/*.json` that no file is called, or
  ///     `-` for standard input, which is read at once.
  ///   - format: the format, or nil to guess it from the first file that is in a known one.
  ///   - limit: the most that is taken from standard input or an archive, in bytes.
  ///   - opensArchives: whether archives are opened.
  init(
    _ inputs: [String], format wanted: ForeignFormat?, limit: Int = ImportOptions.largestFileSize,
    opensArchives: Bool = true, standardInput: FileDescriptor = .standardInput
  ) throws(ImportError) {
    var files = try Self.files(
      of: inputs, limit: limit, opensArchives: opensArchives, standardInput: standardInput)
    let format: ForeignFormat
    if let wanted { format = wanted } else { format = try Self.guess(files, inputs: inputs) }
    if format.type.isOneValue { files = try Self.split(files, limit: limit) }
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

  /// All files that the inputs stand for, in order, those of archives among them; standard input is
  /// read at once.
  static func files(
    of inputs: [String], limit: Int, opensArchives: Bool = true,
    standardInput: FileDescriptor = .standardInput
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
        for path in try matches(of: input) { files += try expand(path) }
      }
    }
    return opensArchives ? try openArchives(files, limit: limit) : files
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
        let content = UnknownContent(
          head, fileNamed: name, isCompressed: isCompressed)
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

  /// The paths that an input means: itself, or all that a pattern of the shell's matches where nothing
  /// is called like it.
  private static func matches(of input: String) throws(ImportError) -> [String] {
    let isThere = (try? FilePath(text: input).stat()) != nil
    guard !isThere, input.contains(where: { "*?[".contains($0) }) else { return [input] }
    var found = glob_t()
    defer { globfree(&found) }
    guard glob(input, 0, nil, &found) == 0 else {
      throw ImportError(
        .access, file: input, problem: "no file or folder matches", remedy: "check the pattern")
    }
    return (0..<Int(found.gl_pathc)).compactMap { number in
      found.gl_pathv[number].map { String(cString: $0) }
    }.sorted(by: naturallyPrecedes)
  }

  /// `files` with the members of archives in their place.
  private static func openArchives(
    _ files: [FoundFile], limit: Int
  ) throws(ImportError) -> [FoundFile] {
    var result: [FoundFile] = []
    for file in files {
      guard let archive = try open(file, limit: limit) else {
        result.append(file)
        continue
      }
      let root = file.isStandardInput ? "" : withoutArchiveSuffix(lastComponent(file.path))
      for path in archive.contents.keys.sorted(by: naturallyPrecedes) {
        let inside = String(path.dropFirst(file.path.count + 1))
        guard !inside.split(separator: "/").contains(where: { $0.hasPrefix(".") }) else { continue }
        let folder = lastComponent(parent(inside))
        result.append(
          FoundFile(
            path: path, folder: folder.isEmpty ? root : folder,
            size: archive.contents[path]?.count ?? 0, isNamed: false,
            content: archive.contents[path], archive: archive))
      }
    }
    return result
  }

  /// The archive that a file is, by its name, or by its content where the user named it; nil where it
  /// is none.
  private static func open(_ file: FoundFile, limit: Int) throws(ImportError) -> ArchiveMembers? {
    let isCalled = ArchiveMembers.accepts(fileNamed: lastComponent(file.path))
    guard isCalled || file.isNamed else { return nil }
    if lastComponent(file.path).hasSuffix(".zip") {
      let bytes = FileBytes(limit: limit)
      try bytes.read(file.path)
      let archive = try ArchiveMembers.ofZip(bytes, file: file.path, limit: limit)
      // A request's arrays, though not called .npz.
      return archive.contents[file.path + "/routed_experts.npy"] == nil ? archive : nil
    }
    // A folder is not opened for its bytes, and a pipe that is not standard input only once.
    guard isCalled || file.isStandardInput || isRegular(file.path) else { return nil }
    guard TarReader.recognises(try PlainBytes(file).head(512)) else {
      guard isCalled else { return nil }
      throw ImportError(
        .malformed, file: file.path, problem: "it is no tar archive, or an old one",
        remedy: "unpack it and name its folder")
    }
    return try ArchiveMembers.ofTar(PlainBytes(file), limit: limit)
  }

  /// Whether a path is that of a plain file.
  private static func isRegular(_ path: String) -> Bool {
    (try? FilePath(text: path).stat())?.type == .regular
  }

  /// An archive's name without what tells that it is one.
  private static func withoutArchiveSuffix(_ name: String) -> String {
    guard let dot = withoutCompression(name).lastIndex(of: ".") else { return name }
    return String(name[..<dot])
  }

  /// `files` with the JSON values of standard input, if they are several, in its place.
  private static func split(_ files: [FoundFile], limit: Int) throws(ImportError) -> [FoundFile] {
    var result: [FoundFile] = []
    for file in files {
      guard file.isStandardInput, let content = file.content else {
        result.append(file)
        continue
      }
      var documents = JSONDocuments(options: ImportOptions(maximumFileSize: limit))
      try documents.open(
        TraceSource(path: file.path, folder: file.folder, size: file.size, files: [file]))
      var parts: [FoundFile] = []
      while let (document, _) = try documents.next() {
        // One value may be all of a large stream: it stays where it is.
        if parts.isEmpty, document.text.count == content.bytes.count { break }
        let part = FileBytes(limit: limit, expected: document.text.count)
        var left = document.text
        try part.fill(file: file.path) { room in
          let piece = UnsafeRawBufferPointer(rebasing: left.prefix(room.count))
          room.copyMemory(from: piece)
          left = UnsafeRawBufferPointer(rebasing: left.dropFirst(piece.count))
          return piece.count
        }
        var own = file
        own.content = part
        own.size = part.count
        parts.append(own)
      }
      result += parts.count > 1 ? parts : [file]
    }
    return result
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

/// A file's name or path without the `.gz` or `.xz` of compressed files.
func withoutCompression(_ name: String) -> String {
  let suffix = Compression.allCases.map(\.suffix).first { name.hasSuffix($0) }
  return suffix.map { String(name.dropLast($0.count)) } ?? name
}
