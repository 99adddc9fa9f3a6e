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
      throw FileError(path, .inspect, "is not the name of a file", remedy: "name a file")
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
      guard let resolved = Self.resolved(path) else {
        throw FileError(
          path, .inspect, "is a symbolic link that leads nowhere", code: lastErrno(),
          remedy: "name the file itself")
      }
      self.path = resolved
      guard self.path.withPlatformString({ stat($0, &status) }) == 0 else {
        throw FileError(path, .inspect, lastErrno())
      }
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw FileError(path, .inspect, "is a folder, FIFO or device", remedy: "name a file")
    }
    guard self.path.withPlatformString({ access($0, W_OK) }) == 0 else {
      throw FileError(path, .inspect, "may not be written", code: lastErrno())
    }
    permissions = FilePermissions(rawValue: status.st_mode & 0o777)
  }

  /// What a symbolic link leads to; every other path as it is.
  static func followingLinks(_ path: FilePath) -> FilePath {
    var status = stat()
    guard path.withPlatformString({ lstat($0, &status) }) == 0, status.st_mode & S_IFMT == S_IFLNK
    else { return path }
    return resolved(path) ?? path
  }

  /// The path without links; nil where there is nothing.
  private static func resolved(_ path: FilePath) -> FilePath? {
    guard let resolved = path.withPlatformString({ realpath($0, nil) }) else { return nil }
    defer { free(resolved) }
    return FilePath(platformString: resolved)
  }
}
