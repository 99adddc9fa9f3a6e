import PathText
import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A new folder of files that appears whole under its name or not at all: it is filled under a
/// hidden name beside it.
///
/// A folder that stands there must be empty; nothing in one is ever replaced. Whoever lets go
/// without ``commit()`` leaves no trace.
///
/// ```swift
/// let folder = try DurableFolder("requests")
/// try folder.append(bytes, to: "0.npz")
/// try folder.close("0.npz")
/// try folder.commit()
/// ```
public final class DurableFolder {
  private let path: FilePath
  private let temporary: FilePath
  private let operations: any FileOperations
  /// Shows others, until this is let go, that the hidden folder is somebody's.
  private let lockHolder: FileDescriptor?
  private var open: [String: FileDescriptor] = [:]
  /// All files begun, to be removed where nothing comes of it.
  private var files: Set<String> = []
  private var isInPlace = false

  /// Makes the hidden folder, and removes those that killed writers of this very folder left.
  ///
  /// - Throws: ``FileError`` where something stands there, or no folder can be made beside it.
  public init(
    _ path: FilePath, operations: any FileOperations = SystemFileOperations()
  ) throws(FileError) {
    // A name that ends in a slash is that of the folder.
    guard let name = path.lastComponent, name.kind == .regular else {
      throw FileError(path, .inspect, "is no name for a folder", remedy: "name a new folder")
    }
    let target = path.removingLastComponent().appending(name)
    if let status = try? target.stat() {
      guard status.type == .directory else {
        throw FileError(target, .inspect, "is no folder", remedy: "name a new folder")
      }
      guard (try? namesIn(target).isEmpty) == true else {
        throw FileError(
          target, .inspect, "is a folder that is not empty",
          remedy: "name a new folder, or empty this one")
      }
    }
    Self.removeLeftovers(of: target)
    let temporary = temporaryName(for: target, attempt: 0)
    guard temporary.withPlatformString({ mkdir($0, 0o777) }) == 0 else {
      throw FileError(target, .create, lastErrno())
    }
    self.path = target
    self.temporary = temporary
    self.operations = operations
    lockHolder = Self.lock(temporary)
  }

  /// Appends bytes to a file, which the first of them make.
  ///
  /// - Throws: ``FileError``.
  public func append(_ bytes: UnsafeRawBufferPointer, to file: String) throws(FileError) {
    let place = path.appending(file)
    do throws(Errno) {
      let descriptor: FileDescriptor
      if let known = open[file] {
        descriptor = known
      } else {
        descriptor = try operations.create(
          temporary.appending(file), permissions: FilePermissions(rawValue: 0o666))
        open[file] = descriptor
        files.insert(file)
      }
      var rest = bytes
      while !rest.isEmpty {
        let count = try retrying { () throws(Errno) in
          try operations.write(rest, to: descriptor)
        }
        guard count > 0 else { throw Errno.noSpace }
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      }
    } catch { throw FileError(place, .write, error) }
  }

  /// Brings a file, to which nothing more will be appended, to the disk.
  ///
  /// - Throws: ``FileError``.
  public func close(_ file: String) throws(FileError) {
    guard let descriptor = open.removeValue(forKey: file) else { return }
    do throws(Errno) { try operations.synchronize(descriptor) } catch {
      try? operations.close(descriptor)
      throw FileError(path.appending(file), .synchronize, error)
    }
    // Linux has closed the file whatever close says, so an interruption is no failure.
    do throws(Errno) { try operations.close(descriptor) } catch  where error == .interrupted {
    } catch { throw FileError(path.appending(file), .close, error) }
  }

  /// Brings what is open to the disk, and gives the folder its name.
  ///
  /// - Throws: ``FileError``; there is no folder then, or, after a failure in the last step, one
  ///   that may not outlive a loss of power.
  public func commit() throws(FileError) {
    for file in open.keys.sorted() { try close(file) }
    try synchronize(temporary)
    do throws(Errno) { try operations.rename(temporary, to: path) } catch {
      throw FileError(path, .rename, error)
    }
    isInPlace = true
    let above = path.removingLastComponent()
    try synchronize(above.isEmpty ? "." : above)
  }

  private func synchronize(_ folder: FilePath) throws(FileError) {
    do throws(Errno) {
      let descriptor = try operations.open(folder)
      defer { try? operations.close(descriptor) }
      // Some file systems keep names durable by themselves and refuse.
      do throws(Errno) { try operations.synchronize(descriptor) } catch
        where error == .invalidArgument
      {}
    } catch { throw FileError(path, .synchronizeFolder, error) }
  }

  /// The lock of a folder, held until it is closed; nil where somebody has it.
  private static func lock(_ folder: FilePath) -> FileDescriptor? {
    guard
      let descriptor = try? FileDescriptor.open(
        folder, .readOnly, options: [.directory, .closeOnExec, .noFollow])
    else { return nil }
    guard flock(descriptor.rawValue, LOCK_EX | LOCK_NB) == 0 else {
      try? descriptor.close()
      return nil
    }
    return descriptor
  }

  /// Removes the hidden folders of killed writers: those whose lock is free.
  private static func removeLeftovers(of target: FilePath) {
    let above = target.removingLastComponent()
    let beginning = target.renamed(prefix: ".", suffix: ".").lastNameBytes
    for found in (try? namesIn(above.isEmpty ? "." : above)) ?? []
    where isTemporary(found.lastNameBytes, beginning: beginning) {
      let folder = above.appending(found.components)
      guard let lock = lock(folder) else { continue }
      for file in (try? namesIn(folder)) ?? [] {
        _ = folder.appending(file.components).withPlatformString { unlink($0) }
      }
      _ = folder.withPlatformString { rmdir($0) }
      try? lock.close()
    }
  }

  deinit {
    for descriptor in open.values { try? operations.close(descriptor) }
    if !isInPlace {
      for file in files { try? operations.remove(temporary.appending(file)) }
      _ = temporary.withPlatformString { rmdir($0) }
    }
    try? lockHolder?.close()
  }
}
