import SystemPackage

/// A file on its way to replace another, so that at every moment the old or the new one is whole.
///
/// The bytes go to a temporary file in the same folder; ``commit(keeping:isWorthKeeping:verify:)``
/// brings them to the disk, has them checked, renames, and brings the folder to the disk. Whatever
/// fails before the rename leaves the old file as it was, and whoever lets go without committing
/// leaves no trace.
///
/// ```swift
/// var file = try DurableFile(replacing: "trace.moe.lz4")
/// try file.append(header)
/// try file.append(chunk)
/// try file.commit()
/// ```
public struct DurableFile: ~Copyable {
  /// The file to be replaced or made, symbolic links followed.
  public let path: FilePath
  /// Where the bytes are until then.
  public let temporary: FilePath
  private let operations: any FileOperations
  private var descriptor: FileDescriptor?
  /// Shows others, until this is let go, that the temporary file is somebody's.
  private let lockHolder: FileDescriptor?
  private var isInPlace = false

  /// Makes the temporary file, and removes those that killed writers of this very file left.
  ///
  /// - Parameters:
  ///   - keepingLeftovers: whether the killed writers' files stay, for a caller who looks at them.
  ///   - operations: the system calls; a test's stand-in may let them fail.
  /// - Throws: ``FileError``, also where the path is a folder, FIFO or device, or not to be
  ///   written.
  public init(
    replacing path: FilePath, keepingLeftovers: Bool = false,
    operations: any FileOperations = SystemFileOperations()
  ) throws(FileError) {
    let target = try ReplaceableFile(path)
    if !keepingLeftovers { removeLeftovers(of: target.path) }
    let file = try TemporaryFile(for: target, operations: operations)
    self.path = target.path
    self.operations = operations
    descriptor = file.descriptor
    temporary = file.path
    lockHolder = file.lockHolder
  }

  /// Writes all of `bytes` behind what was written before.
  public mutating func append(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
    guard let descriptor else { return }
    var rest = bytes
    while !rest.isEmpty {
      let count = try step(.write) { () throws(Errno) in try operations.write(rest, to: descriptor)
      }
      guard count > 0 else { throw FileError(path, .write, .noSpace) }
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
  }

  /// Writes all of `bytes` behind what was written before.
  public mutating func append(_ bytes: [UInt8]) throws(FileError) {
    try bytes.withUnsafeBufferPointer { bytes throws(FileError) in
      try append(UnsafeRawBufferPointer(bytes))
    }
  }

  /// Puts the new file in the old one's place.
  ///
  /// - Parameters:
  ///   - keeping: how many older generations stay, as `NAME.1` (the newest of them), `NAME.2`, ...
  ///   - isWorthKeeping: whether the present file becomes the newest of them; a damaged one must
  ///     not push an intact one out.
  ///   - verify: gets the temporary file's path when its bytes are on the disk; what it throws ends
  ///     the attempt.
  /// - Throws: ``FileError``. After a failure in the last step,
  ///   ``FileError/Step/synchronizeFolder``, the new file is in place but may not outlive a loss of
  ///   power.
  public consuming func commit(
    keeping: Int = 0, isWorthKeeping: (FilePath) -> Bool = { _ in true },
    verify: (FilePath) throws -> Void = { _ in }
  ) throws(FileError) {
    if let descriptor {
      try step(.synchronize) { () throws(Errno) in try operations.synchronize(descriptor) }
      self.descriptor = nil
      // Linux has closed the file whatever close says, so an interruption is no failure.
      do throws(Errno) { try operations.close(descriptor) } catch  where error == .interrupted {
      } catch { throw FileError(path, .close, error) }
    }
    do { try verify(temporary) } catch {
      throw FileError(
        path, .verify, "what was written does not read back: \(error)", remedy: "try again")
    }
    if keeping > 0, exists(path), isWorthKeeping(path) {
      try rotateGenerations(of: path, keeping: keeping, operations: operations)
    }
    try step(.rename) { () throws(Errno) in try operations.rename(temporary, to: path) }
    isInPlace = true
    try synchronizeFolder()
  }

  private func synchronizeFolder() throws(FileError) {
    let folder = path.removingLastComponent()
    let descriptor = try step(.synchronizeFolder) { () throws(Errno) in
      try operations.open(folder.isEmpty ? "." : folder)
    }
    defer { try? operations.close(descriptor) }
    try step(.synchronizeFolder) { () throws(Errno) in
      // Some file systems keep names durable by themselves and refuse.
      do throws(Errno) { try operations.synchronize(descriptor) } catch
        where error
        == .invalidArgument
      {}
    }
  }

  private func step<Result>(
    _ step: FileError.Step, _ body: () throws(Errno) -> Result
  ) throws(FileError) -> Result {
    do throws(Errno) { return try retrying(body) } catch { throw FileError(path, step, error) }
  }

  deinit {
    if let descriptor { try? operations.close(descriptor) }
    if !isInPlace { try? operations.remove(temporary) }
    try? lockHolder?.close()
  }
}

extension DurableFile {
  /// Replaces the file at `path` by `bytes`; see ``commit(keeping:isWorthKeeping:verify:)``.
  public static func write(
    _ bytes: [UInt8], to path: FilePath, keeping: Int = 0, keepingLeftovers: Bool = false,
    operations: any FileOperations = SystemFileOperations(),
    isWorthKeeping: (FilePath) -> Bool = { _ in true },
    verify: (FilePath) throws -> Void = { _ in }
  ) throws(FileError) {
    var file = try DurableFile(
      replacing: path, keepingLeftovers: keepingLeftovers, operations: operations)
    try file.append(bytes)
    try file.commit(keeping: keeping, isWorthKeeping: isWorthKeeping, verify: verify)
  }
}

/// Repeats `body` while a signal interrupts it.
func retrying<Result>(_ body: () throws(Errno) -> Result) throws(Errno) -> Result {
  while true {
    do throws(Errno) { return try body() } catch  where error == .interrupted {}
  }
}
