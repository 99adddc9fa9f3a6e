import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The system calls that make a file durable, one method each, so that a test can let the n-th
/// fail.
public protocol FileOperations {
  /// Makes a new file to write; fails with `EEXIST` where there is one.
  func create(_ path: FilePath, permissions: FilePermissions) throws(Errno) -> FileDescriptor
  /// Opens a file or folder to read.
  func open(_ path: FilePath) throws(Errno) -> FileDescriptor
  /// Writes some of `bytes`, and says how many.
  func write(_ bytes: UnsafeRawBufferPointer, to file: FileDescriptor) throws(Errno) -> Int
  /// Reads some bytes into `bytes`; 0 at the end.
  func read(_ bytes: UnsafeMutableRawBufferPointer, from file: FileDescriptor) throws(Errno) -> Int
  /// Waits until the file's bytes, or the folder's names, are on the disk.
  func synchronize(_ file: FileDescriptor) throws(Errno)
  /// Gives the descriptor back; it is gone even where this fails.
  func close(_ file: FileDescriptor) throws(Errno)
  /// Gives the file another name in the same file system, in one step; what has it is replaced.
  func rename(_ old: FilePath, to new: FilePath) throws(Errno)
  /// A second name for the same file.
  func link(_ old: FilePath, to new: FilePath) throws(Errno)
  /// Removes a name of a file, and the file with its last one.
  func remove(_ path: FilePath) throws(Errno)
}

/// The system's own calls.
public struct SystemFileOperations: FileOperations, Sendable {
  /// Nothing to set up.
  public init() {}

  /// `open(2)` with `O_CREAT | O_EXCL`; links are not followed.
  public func create(
    _ path: FilePath, permissions: FilePermissions
  ) throws(Errno) -> FileDescriptor {
    try errno {
      try FileDescriptor.open(
        path, .writeOnly, options: [.create, .exclusiveCreate, .closeOnExec, .noFollow],
        permissions: permissions)
    }
  }

  /// `open(2)`, read-only.
  public func open(_ path: FilePath) throws(Errno) -> FileDescriptor {
    try errno { try FileDescriptor.open(path, .readOnly, options: .closeOnExec) }
  }

  /// `write(2)`, once: a signal that interrupts it is an error.
  public func write(
    _ bytes: UnsafeRawBufferPointer, to file: FileDescriptor
  ) throws(Errno) -> Int {
    try errno { try file.write(bytes, retryOnInterrupt: false) }
  }

  /// `read(2)`, once: a signal that interrupts it is an error.
  public func read(
    _ bytes: UnsafeMutableRawBufferPointer, from file: FileDescriptor
  ) throws(Errno) -> Int {
    try errno { try file.read(into: bytes, retryOnInterrupt: false) }
  }

  /// `fsync(2)`.
  public func synchronize(_ file: FileDescriptor) throws(Errno) {
    try check { fsync(file.rawValue) }
  }

  /// `close(2)`.
  public func close(_ file: FileDescriptor) throws(Errno) { try errno { try file.close() } }

  /// `rename(2)`.
  public func rename(_ old: FilePath, to new: FilePath) throws(Errno) {
    try check {
      old.withPlatformString { old in
        new.withPlatformString { posixRename(old, $0) }
      }
    }
  }

  /// `link(2)`.
  public func link(_ old: FilePath, to new: FilePath) throws(Errno) {
    try check {
      old.withPlatformString { old in
        new.withPlatformString { posixLink(old, $0) }
      }
    }
  }

  /// `unlink(2)`.
  public func remove(_ path: FilePath) throws(Errno) {
    try check { path.withPlatformString { unlink($0) } }
  }

  /// `body`'s error as the `Errno` it always is.
  private func errno<Result>(_ body: () throws -> Result) throws(Errno) -> Result {
    do { return try body() } catch { throw error as? Errno ?? .ioError }
  }

  /// `body`'s -1 as an `Errno`.
  private func check(_ body: () -> CInt) throws(Errno) {
    if body() != 0 { throw lastErrno() }
  }
}

// Inside the type the methods' names would shadow the C functions'.
private func posixRename(_ old: UnsafePointer<CChar>, _ new: UnsafePointer<CChar>) -> CInt {
  rename(old, new)
}

private func posixLink(_ old: UnsafePointer<CChar>, _ new: UnsafePointer<CChar>) -> CInt {
  link(old, new)
}

/// The calling thread's `errno`.
func lastErrno() -> Errno { Errno(rawValue: errno) }
