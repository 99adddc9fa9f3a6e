import DurableFile
import Glibc
import PathText
import SystemPackage

/// A folder of files that appears whole under its name or not at all: it is filled under a hidden
/// name beside it.
///
/// A folder that stands there must be empty; nothing in one is ever replaced.
final class NewFolder {
  private let path: FilePath
  private let temporary: FilePath
  private var open: [String: FileDescriptor] = [:]
  /// All files begun, to be removed where nothing comes of it.
  private var files: [String] = []
  private var isInPlace = false

  /// - Throws: `FileError` where something stands there, or no folder can be made beside it.
  init(_ path: String) throws(FileError) {
    var target = FilePath(text: path)
    // A name that ends in a slash is that of the folder.
    if let last = target.lastComponent { target = target.removingLastComponent().appending(last) }
    self.path = target
    if let status = try? target.stat() {
      guard status.type == .directory else {
        throw FileError(
          target, .inspect, "is no folder", remedy: "name a new folder for this format")
      }
      guard (try? namesIn(target).isEmpty) == true else {
        throw FileError(
          target, .inspect, "is a folder that is not empty",
          remedy: "name a new folder, or empty this one")
      }
    }
    guard let name = target.lastComponent else {
      throw FileError(target, .inspect, "is no name for a folder", remedy: "name a new folder")
    }
    temporary = target.removingLastComponent().appending(".\(name.string).\(getpid()).partial")
    let made = temporary.withPlatformString { mkdir($0, 0o777) }
    guard made == 0 else {
      throw FileError(
        target, .create, "no new folder can be made beside it", code: Errno(rawValue: errno))
    }
  }

  /// Appends bytes to a file.
  ///
  /// - Throws: `FileError`.
  func write(_ bytes: UnsafeRawBufferPointer, to file: String) throws {
    do {
      let descriptor = try open[file] ?? begin(file)
      _ = try descriptor.writeAll(bytes)
    } catch {
      throw FileError(
        path.appending(file), .write, "cannot be written", code: error as? Errno ?? .ioError)
    }
  }

  /// Brings a file to the disk.
  ///
  /// - Throws: `FileError`.
  func close(_ file: String) throws {
    guard let descriptor = open.removeValue(forKey: file) else { return }
    let lost = fsync(descriptor.rawValue) == 0 ? nil : Errno(rawValue: errno)
    try? descriptor.close()
    if let lost { throw FileError(path.appending(file), .synchronize, "is lost", code: lost) }
  }

  /// Gives the folder its name.
  ///
  /// - Throws: `FileError`.
  func commit() throws {
    for file in open.keys.sorted() { try close(file) }
    try synchronize(temporary)
    let renamed = temporary.withPlatformString { old in
      path.withPlatformString { rename(old, $0) }
    }
    guard renamed == 0 else {
      throw FileError(
        path, .rename, "the new folder cannot take its place", code: Errno(rawValue: errno))
    }
    isInPlace = true
    let above = path.removingLastComponent()
    try synchronize(above.isEmpty ? "." : above)
  }

  private func begin(_ file: String) throws -> FileDescriptor {
    let descriptor = try FileDescriptor.open(
      temporary.appending(file), .writeOnly,
      options: [.create, .exclusiveCreate, .closeOnExec, .noFollow],
      permissions: FilePermissions(rawValue: 0o666))
    open[file] = descriptor
    files.append(file)
    return descriptor
  }

  private func synchronize(_ folder: FilePath) throws {
    do {
      let descriptor = try FileDescriptor.open(folder, .readOnly, options: .closeOnExec)
      defer { try? descriptor.close() }
      // Some file systems keep names durable by themselves and refuse.
      guard fsync(descriptor.rawValue) == 0 || errno == EINVAL else {
        throw Errno(rawValue: errno)
      }
    } catch {
      throw FileError(
        path, .synchronizeFolder, "cannot be brought to the disk",
        code: error as? Errno ?? .ioError)
    }
  }

  deinit {
    for descriptor in open.values { try? descriptor.close() }
    guard !isInPlace else { return }
    for file in files { _ = temporary.appending(file).withPlatformString { unlink($0) } }
    _ = temporary.withPlatformString { rmdir($0) }
  }
}
