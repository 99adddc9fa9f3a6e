import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The right to write a file, held through `NAME.lock` beside it until it is let go.
///
/// `NAME` is the file that the path leads to, so two names of one file have one lock. The kernel
/// holds the lock (`flock`) for the process, so a killed writer's lock is gone with it; the file it
/// leaves behind is recognised and taken over.
public struct FileLock: ~Copyable, Sendable {
  /// The lock file.
  public let path: FilePath
  /// The process that held the lock and ended without letting go, if one left its file behind.
  public let stale: Int?
  /// Whether it keeps anybody away: not where the file system keeps no locks.
  public let isEffective: Bool
  private let descriptor: FileDescriptor

  /// Takes the lock of `file` at once, where locks are kept.
  ///
  /// - Throws: ``FileError`` where another process has it, which it names, or where `file` may not
  ///   be written.
  public init(of file: FilePath) throws(FileError) {
    let path = try ReplaceableFile(file).path.renamed(suffix: ".lock")
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
      let lock: KernelLock
      do throws(Errno) { lock = try KernelLock.take(descriptor) } catch {
        try? descriptor.close()
        throw FileError(file, .lock, error)
      }
      guard lock != .held else {
        try? descriptor.close()
        throw FileError(
          file, .lock,
          "is being written by " + (holder.map { "process \($0)" } ?? "another process"),
          remedy: "wait for it or choose another file")
      }
      // Its last holder may have removed the file between our open and lock; then another is made.
      guard isNamed(path, descriptor) else {
        try? descriptor.close()
        continue
      }
      _ = try? descriptor.writeAll(toAbsoluteOffset: 0, Array("\(getpid())\n          ".utf8))
      self.path = path
      self.descriptor = descriptor
      isEffective = lock == .taken
      stale = isEffective ? holder : nil
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
