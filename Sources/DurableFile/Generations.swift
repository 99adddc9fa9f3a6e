import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The path of a file's generation `number`: `M.h5` itself for 0, then `M.h5.1`, `M.h5.2`, ...
///
/// Older generations lie beside the file that a symbolic link leads to.
public func generation(_ number: Int, of path: FilePath) -> FilePath {
  guard number > 0, path.lastComponent != nil else { return path }
  return ReplaceableFile.followingLinks(path).renamed(suffix: ".\(number)")
}

/// The generations of `path` that are there, newest first; `path` itself only if it is.
public func generations(of path: FilePath) -> [FilePath] {
  var found: [FilePath] = []
  var number = 0
  // A writer killed while it rotated leaves at most one gap.
  while number < 2 || exists(generation(number, of: path))
    || exists(generation(number + 1, of: path))
  {
    if exists(generation(number, of: path)) { found.append(generation(number, of: path)) }
    number += 1
  }
  return found
}

/// Makes room for a new generation 0: the present one becomes 1 while keeping its own name too, 1
/// becomes 2, and what is older than `keeping` goes.
///
/// The present file never leaves its name, so a reader always finds one.
func rotateGenerations(
  of path: FilePath, keeping: Int, operations: any FileOperations
) throws(FileError) {
  let newest = generation(1, of: path)
  // A writer killed between link and rename has left both names on one file.
  guard FileIdentity(path) != FileIdentity(newest) else { return }
  do throws(Errno) {
    for number in stride(from: keeping, through: 1, by: -1) {
      let (old, new) = (generation(number - 1, of: path), generation(number, of: path))
      if exists(new) { try retrying { () throws(Errno) in try operations.remove(new) } }
      guard number > 1, exists(old) else { continue }
      try retrying { () throws(Errno) in try operations.rename(old, to: new) }
    }
    do throws(Errno) {
      try retrying { () throws(Errno) in try operations.link(path, to: newest) }
      return
    } catch  where !error.meansNoHardLinks { throw error } catch {}
  } catch {
    throw FileError(path, .rotate, error)
  }
  try copy(path, to: newest, operations: operations)
}

/// Whether the folder of `path` can give a file a second name; without, generations are copied.
///
/// - Throws: ``FileError`` where no file can be made there.
public func hasHardLinks(
  besides path: FilePath, operations: any FileOperations = SystemFileOperations()
) throws(FileError) -> Bool {
  let target = try ReplaceableFile(path)
  let file = try TemporaryFile(for: target, operations: operations)
  defer {
    try? retrying { () throws(Errno) in try operations.remove(file.path) }
    try? operations.close(file.descriptor)
    try? file.lockHolder?.close()
  }
  // A name that is a leftover's too, should the process end here.
  let second = temporaryName(for: target.path, attempt: 1000)
  do throws(Errno) {
    try retrying { () throws(Errno) in try operations.link(file.path, to: second) }
    try retrying { () throws(Errno) in try operations.remove(second) }
    return true
  } catch {
    if error.meansNoHardLinks { return false }
    throw FileError(path, .rotate, error)
  }
}

/// Writes a second file of the same bytes, whole or not at all.
private func copy(
  _ path: FilePath, to copy: FilePath, operations: any FileOperations
) throws(FileError) {
  let source = try ReadableFile(path, operations: operations)
  var file = try DurableFile(replacing: copy, operations: operations)
  try file.append(try source.bytes())
  try file.commit()
}

extension Errno {
  /// Whether a second name was refused by the file system itself: FAT, exFAT, some SMB and FUSE, or
  /// a file that has as many names as it may.
  fileprivate var meansNoHardLinks: Bool {
    switch self {
    case .notPermitted, .notSupported, .tooManyLinks, .noFunction: true
    default: false
    }
  }
}
