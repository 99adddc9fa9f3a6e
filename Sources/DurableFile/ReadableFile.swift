import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A regular file opened to be read whole.
public struct ReadableFile: ~Copyable {
  /// The file as it was named.
  public let path: FilePath
  /// Bytes it held when it was opened.
  public let size: Int
  private let descriptor: FileDescriptor
  private let operations: any FileOperations

  /// Opens the file.
  ///
  /// - Parameters:
  ///   - limit: bytes it may have.
  ///   - operations: the system calls; a test's stand-in may let them fail.
  /// - Throws: ``FileError`` where it is missing, not to be read, no regular file, or over `limit`.
  public init(
    _ path: FilePath, limit: Int = .max, operations: any FileOperations = SystemFileOperations()
  ) throws(FileError) {
    let descriptor: FileDescriptor
    var status = stat()
    // A FIFO would hold up the opening, so look before.
    guard path.withPlatformString({ stat($0, &status) }) == 0 else {
      throw FileError(path, .open, lastErrno())
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw FileError(path, .open, "is a folder, FIFO or device", remedy: "name a file")
    }
    do throws(Errno) {
      descriptor = try retrying { () throws(Errno) in try operations.open(path) }
    } catch {
      throw FileError(path, .open, error)
    }
    guard fstat(descriptor.rawValue, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      try? descriptor.close()
      throw FileError(path, .open, "changed while it was opened", remedy: "try again")
    }
    guard status.st_size <= limit else {
      try? descriptor.close()
      throw FileError(
        path, .open, "holds \(status.st_size) bytes, more than the \(limit) that are read",
        remedy: "name another file")
    }
    self.path = path
    self.size = Int(status.st_size)
    self.descriptor = descriptor
    self.operations = operations
  }

  /// Reads the file into `bytes`, as long as ``size``.
  ///
  /// - Throws: ``FileError``, also where the file has become shorter.
  public func read(into bytes: UnsafeMutableRawBufferPointer) throws(FileError) {
    var rest = UnsafeMutableRawBufferPointer(rebasing: bytes.prefix(size))
    while !rest.isEmpty {
      let count: Int
      do throws(Errno) {
        count = try retrying { () throws(Errno) in try operations.read(rest, from: descriptor) }
      } catch {
        throw FileError(path, .read, error)
      }
      guard count > 0 else {
        throw FileError(
          path, .read, "became shorter while it was read", remedy: "wait until it is written whole")
      }
      rest = UnsafeMutableRawBufferPointer(rebasing: rest[count...])
    }
  }

  /// All bytes.
  public func bytes() throws(FileError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: size)
    try bytes.withUnsafeMutableBufferPointer { bytes throws(FileError) in
      try read(into: UnsafeMutableRawBufferPointer(bytes))
    }
    return bytes
  }

  deinit { try? operations.close(descriptor) }
}
