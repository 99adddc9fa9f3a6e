import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The system calls that make a file durable, one method each, so that a test can let the n-th fail.
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
  func close(_ file: FileDescriptor) throws(Errno)
  func rename(_ old: FilePath, to new: FilePath) throws(Errno)
  /// A second name for the same file.
  func link(_ old: FilePath, to new: FilePath) throws(Errno)
  func remove(_ path: FilePath) throws(Errno)
}

/// The system's own calls.
public struct SystemFileOperations: FileOperations, Sendable {
  public init() {}

  public func create(
    _ path: FilePath, permissions: FilePermissions
  ) throws(Errno) -> FileDescriptor {
    try errno {
      try FileDescriptor.open(
        path, .writeOnly, options: [.create, .exclusiveCreate, .closeOnExec, .noFollow],
        permissions: permissions)
    }
  }

  public func open(_ path: FilePath) throws(Errno) -> FileDescriptor {
    try errno { try FileDescriptor.open(path, .readOnly, options: .closeOnExec) }
  }

  public func write(
    _ bytes: UnsafeRawBufferPointer, to file: FileDescriptor
  ) throws(Errno) -> Int {
    try errno { try file.write(bytes, retryOnInterrupt: false) }
  }

  public func read(
    _ bytes: UnsafeMutableRawBufferPointer, from file: FileDescriptor
  ) throws(Errno) -> Int {
    try errno { try file.read(into: bytes, retryOnInterrupt: false) }
  }

  public func synchronize(_ file: FileDescriptor) throws(Errno) {
    try check { fsync(file.rawValue) }
  }

  public func close(_ file: FileDescriptor) throws(Errno) { try errno { try file.close() } }

  public func rename(_ old: FilePath, to new: FilePath) throws(Errno) {
    try check {
      old.withPlatformString { old in
        new.withPlatformString { posixRename(old, $0) }
      }
    }
  }

  public func link(_ old: FilePath, to new: FilePath) throws(Errno) {
    try check {
      old.withPlatformString { old in
        new.withPlatformString { posixLink(old, $0) }
      }
    }
  }

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
