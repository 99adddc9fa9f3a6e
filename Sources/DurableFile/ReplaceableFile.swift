import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// What stands where a file is to be written.
struct ReplaceableFile {
  /// The path, symbolic links followed.
  var path: FilePath
  /// The permissions of the file that is there, or the usual ones.
  var permissions: FilePermissions = [
    .ownerReadWrite, .groupReadWrite, .otherReadWrite,
  ]

  /// - Throws: ``FileError`` where something else than a file that may be written stands there.
  init(_ path: FilePath) throws(FileError) {
    guard path.lastComponent != nil else {
      throw FileError(path, .inspect, "is not the name of a file")
    }
    self.path = path
    var status = stat()
    guard path.withPlatformString({ lstat($0, &status) }) == 0 else {
      // Nothing there yet; a folder that is missing shows when the file is made.
      guard errno == ENOENT || errno == ENOTDIR else {
        throw FileError(path, .inspect, lastErrno())
      }
      return
    }
    if status.st_mode & S_IFMT == S_IFLNK {
      guard let resolved = path.withPlatformString({ realpath($0, nil) }) else {
        throw FileError(path, .inspect, "is a symbolic link that leads nowhere", code: lastErrno())
      }
      self.path = FilePath(platformString: resolved)
      free(resolved)
      guard self.path.withPlatformString({ stat($0, &status) }) == 0 else {
        throw FileError(path, .inspect, lastErrno())
      }
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw FileError(path, .inspect, "is a folder, FIFO or device; name a file")
    }
    guard self.path.withPlatformString({ access($0, W_OK) }) == 0 else {
      throw FileError(path, .inspect, "may not be written", code: lastErrno())
    }
    permissions = FilePermissions(rawValue: status.st_mode & 0o777)
  }
}

/// A name beside `path` that no other writer uses: hidden, with this process's number.
func temporaryName(for path: FilePath, attempt: Int) -> FilePath {
  let name = path.lastComponent?.string ?? ""
  return path.removingLastComponent().appending(".\(name).\(getpid())-\(attempt).partial")
}

/// Removes temporary files that killed writers of `path` left behind.
///
/// Only for the holder of the file's ``FileLock``: a living writer's file would go too.
public func removeLeftovers(of path: FilePath) {
  let folder = path.removingLastComponent()
  guard let name = path.lastComponent?.string,
    let listing = (folder.isEmpty ? "." : folder).withPlatformString({ opendir($0) })
  else { return }
  defer { closedir(listing) }
  var leftovers: [FilePath] = []
  while let entry = readdir(listing) {
    let found = withUnsafePointer(to: &entry.pointee.d_name) {
      $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
    }
    if found.hasPrefix(".\(name)."), found.hasSuffix(".partial") {
      leftovers.append(folder.appending(found))
    }
  }
  for leftover in leftovers { leftover.withPlatformString { _ = unlink($0) } }
}
