import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Which file a name leads to: two names of one file have the same, by symbolic or hard links.
struct FileIdentity: Hashable {
  private let device: UInt64
  private let number: UInt64

  /// What `path` leads to, symbolic links followed; nil where there is nothing.
  init?(_ path: FilePath) {
    var status = stat()
    guard path.withPlatformString({ stat($0, &status) }) == 0 else { return nil }
    self.init(status)
  }

  /// What is open as `file`; nil where nothing is.
  init?(_ file: FileDescriptor) {
    var status = stat()
    guard fstat(file.rawValue, &status) == 0 else { return nil }
    self.init(status)
  }

  private init(_ status: stat) {
    device = UInt64(status.st_dev)
    number = UInt64(status.st_ino)
  }
}

/// Whether `path` still names the open file.
func isNamed(_ path: FilePath, _ file: FileDescriptor) -> Bool {
  guard let named = FileIdentity(path) else { return false }
  return named == FileIdentity(file)
}

/// Whether there is anything of this name.
func exists(_ path: FilePath) -> Bool {
  var status = stat()
  return path.withPlatformString { lstat($0, &status) } == 0
}

/// Whether `path` was written later than `other`, or in the same tick of the file system's clock.
public func wasWritten(_ path: FilePath, after other: FilePath) -> Bool {
  var (first, second) = (stat(), stat())
  guard path.withPlatformString({ stat($0, &first) }) == 0,
    other.withPlatformString({ stat($0, &second) }) == 0
  else { return false }
  return (first.st_mtim.tv_sec, first.st_mtim.tv_nsec)
    >= (second.st_mtim.tv_sec, second.st_mtim.tv_nsec)
}
