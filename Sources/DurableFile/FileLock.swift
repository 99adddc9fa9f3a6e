import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The right to write a file, held through `NAME.lock` beside it until it is let go.
///
/// The kernel holds the lock (`flock`) for the process, so a killed writer's lock is gone with it;
/// the file it leaves behind is recognised and taken over.
public struct FileLock: ~Copyable {
  /// The lock file.
  public let path: FilePath
  /// The process that held the lock and ended without letting go, if one left its file behind.
  public let stale: Int?
  private let descriptor: FileDescriptor

  /// Takes the lock of `file` at once.
  ///
  /// - Throws: ``FileError`` where another process has it, which it names.
  public init(of file: FilePath) throws(FileError) {
    let path = file.removingLastComponent().appending((file.lastComponent?.string ?? "") + ".lock")
    while true {
      let descriptor: FileDescriptor
      do {
        descriptor = try FileDescriptor.open(
          path, .readWrite, options: [.create, .closeOnExec, .noFollow],
          permissions: [.ownerReadWrite, .groupRead, .otherRead])
      } catch {
        throw FileError(file, .lock, error as? Errno ?? .ioError)
      }
      let holder = processNumber(in: descriptor)
      guard flock(descriptor.rawValue, LOCK_EX | LOCK_NB) == 0 else {
        let code = lastErrno()
        try? descriptor.close()
        if code == .interrupted { continue }
        guard code == .wouldBlock else { throw FileError(file, .lock, code) }
        throw FileError(
          file, .lock,
          "is being written by " + (holder.map { "process \($0)" } ?? "another process")
            + "; wait for it or choose another file")
      }
      // Its last holder may have removed the file between our open and lock; then another is made.
      guard isNamed(path, descriptor) else {
        try? descriptor.close()
        continue
      }
      _ = try? descriptor.writeAll(toAbsoluteOffset: 0, Array("\(getpid())\n          ".utf8))
      self.path = path
      self.descriptor = descriptor
      self.stale = holder
      return
    }
  }

  deinit {
    path.withPlatformString { _ = unlink($0) }
    try? descriptor.close()
  }
}

/// The process number a lock file holds.
private func processNumber(in file: FileDescriptor) -> Int? {
  var text = [UInt8](repeating: 0, count: 24)
  let count = try? text.withUnsafeMutableBytes { try file.read(fromAbsoluteOffset: 0, into: $0) }
  return Int(String(decoding: text.prefix(count ?? 0).prefix { $0 != 10 }, as: UTF8.self))
}

/// Whether `path` still names the open file.
private func isNamed(_ path: FilePath, _ file: FileDescriptor) -> Bool {
  var (named, open) = (stat(), stat())
  guard path.withPlatformString({ stat($0, &named) }) == 0, fstat(file.rawValue, &open) == 0 else {
    return false
  }
  return named.st_ino == open.st_ino && named.st_dev == open.st_dev
}
