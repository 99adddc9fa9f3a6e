import Archive
import PathText

/// The files in an archive, read whole into memory: nothing is written to disk, so no name can lead
/// anywhere, and what they take together is bounded, whatever the archive says of itself.
///
/// Zip files, and tar archives, compressed with gzip or xz or not.
final class ArchiveMembers {
  /// Files by their paths, which begin with the archive's.
  private(set) var contents: [String: FileBytes] = [:]
  /// The archive's path.
  let path: String
  /// Bytes that the members may still take together.
  private var budget: Int
  private let limit: Int

  /// The most that the members of one archive take together, in bytes.
  static let largest = 1 << 30
  /// The most members of one archive.
  private static let most = 1 << 18

  /// The endings of archives' names.
  private static let suffixes = [".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".zip"]

  /// Whether a file of this name is an archive.
  static func accepts(fileNamed name: String) -> Bool {
    suffixes.contains { name.hasSuffix($0) }
  }

  private init(path: String, limit: Int) {
    self.path = path
    self.limit = min(limit, Self.largest)
    budget = self.limit
  }

  /// The members of a tar archive.
  ///
  /// - Parameter limit: the most that they may take together, in bytes.
  static func ofTar(_ source: PlainBytes, limit: Int) throws(ImportError) -> ArchiveMembers {
    let members = ArchiveMembers(path: source.file, limit: limit)
    var reader = TarReader(source)
    while let member = try reader.next() {
      try members.checkPath(member.name)
      switch member.kind {
      case .folder: continue
      case .other(let what):
        throw members.fault(
          member.name, "it is \(what), which is not followed",
          remedy: "pack the files themselves (tar --dereference --hard-dereference), or unpack the "
            + "archive and name its folder")
      case .file:
        try members.add(member.name, size: member.size) { (room) throws(ImportError) in
          try reader.read(into: room)
        }
      }
    }
    return members
  }

  /// The members of a zip file.
  static func ofZip(_ bytes: FileBytes, file: String, limit: Int) throws(ImportError)
    -> ArchiveMembers
  {
    let members = ArchiveMembers(path: file, limit: limit)
    let reader = ArrayReader(file: file)
    let zip = try reader.of(nil) { () throws(ArchiveError) in try ZipArchive(bytes.bytes) }
    for member in zip.members {
      try members.checkPath(member.name)
      if member.name.hasSuffix("/") { continue }
      guard !member.isLink else {
        throw members.fault(
          member.name, "it is a link, which is not followed",
          remedy: "pack the files themselves, or unpack the archive and name its folder")
      }
      guard member.size <= members.budget else { throw members.tooLarge }
      let content = FileBytes(limit: limit, expected: member.size)
      var problem: ImportError?
      do throws(ArchiveError) {
        try zip.content(of: member) { (packed) throws(ArchiveError) in
          do throws(ImportError) {
            try content.fill(file: file) { (room) throws(ImportError) in
              let piece: UnsafeRawBufferPointer
              do throws(ArchiveError) {
                piece = try packed.take(min(room.count, packed.remaining, 1 << 20))
              } catch {
                throw members.fault(member.name, error.problem, remedy: error.remedy)
              }
              room.copyMemory(from: piece)
              return piece.count
            }
          } catch {
            problem = error
          }
        }
      } catch {
        throw members.fault(member.name, error.problem, remedy: error.remedy)
      }
      if let problem { throw problem }
      try members.settle(content, as: member.name)
    }
    return members
  }

  /// Reads a member of `size` bytes, as the archive says.
  private func add(
    _ name: String, size: Int,
    from next: (UnsafeMutableRawBufferPointer) throws(ImportError) -> Int
  ) throws(ImportError) {
    guard size <= budget else { throw tooLarge }
    let content = FileBytes(limit: limit, expected: size)
    try content.fill(file: place(of: name), from: next)
    try settle(content, as: name)
  }

  /// Keeps a member as its writer meant it: inflated, without a byte order mark.
  private func settle(_ content: FileBytes, as name: String) throws(ImportError) {
    var content = content
    if Compression(of: content.bytes) != nil || content.bytes.starts(with: [0xEF, 0xBB, 0xBF]) {
      let plain = FileBytes(limit: budget, expected: content.count)
      do throws(ImportError) {
        try plain.read(PlainBytes(content, file: place(of: name), isPlain: false))
      } catch {
        throw error.kind == .tooLarge ? tooLarge : error
      }
      content = plain
    }
    content.trim()
    budget -= content.capacity
    guard budget >= 0, contents.count < Self.most else { throw tooLarge }
    // Of two of one name, the later one counts, as when the archive is unpacked.
    contents[place(of: name)] = content
  }

  /// The member's path behind the archive's.
  private func place(of name: String) -> String {
    let parts = name.split(separator: "/").filter { $0 != "." }
    return path + "/" + parts.joined(separator: "/")
  }

  /// Throws where a name leads out of the folder that the archive would be unpacked in.
  private func checkPath(_ name: String) throws(ImportError) {
    guard name.hasPrefix("/") || name.split(separator: "/").contains("..") else { return }
    throw fault(
      name, "its name leads out of the archive",
      remedy: "get the archive from somewhere else: such names are made to overwrite files")
  }

  private func fault(_ name: String, _ problem: String, remedy: String) -> ImportError {
    ImportError(.malformed, file: place(of: name), problem: problem, remedy: remedy)
  }

  /// More is in it than is taken.
  private var tooLarge: ImportError {
    ImportError(
      .tooLarge, file: path,
      problem:
        "its files take more than \(limit >> 20) MiB together, or are more than \(Self.most)",
      remedy: "unpack it and name its folder")
  }
}
