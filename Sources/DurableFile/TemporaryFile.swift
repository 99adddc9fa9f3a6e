import PathText
import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A new file beside another, under a hidden name of its own, whose maker the kernel knows.
///
/// The maker holds the file's lock for as long as it lives, so whoever finds the name later can
/// tell a file that is being written from one that a killed process left.
struct TemporaryFile {
  let path: FilePath
  let descriptor: FileDescriptor
  /// Holds the lock when `descriptor` is closed already.
  let lockHolder: FileDescriptor?

  /// Makes the file beside `target`, under the first name that is free.
  init(for target: ReplaceableFile, operations: any FileOperations) throws(FileError) {
    var attempt = 0
    while true {
      let path = temporaryName(for: target.path, attempt: attempt)
      attempt += 1
      do throws(Errno) {
        let descriptor = try retrying { () throws(Errno) in
          try operations.create(path, permissions: target.permissions)
        }
        // Without locks the file is simply never taken for a killed writer's.
        let isTaken = (try? KernelLock.take(descriptor)) == .taken
        // Somebody who cleaned up may have met the name between its making and its locking.
        guard !isTaken || isNamed(path, descriptor) else {
          try? operations.close(descriptor)
          continue
        }
        self.path = path
        self.descriptor = descriptor
        lockHolder = isTaken ? try? descriptor.duplicate() : nil
        return
      } catch {
        guard error == .fileExists, attempt < 1000 else {
          throw FileError(target.path, .create, error)
        }
      }
    }
  }
}

/// A name beside `path` that no other writer uses: hidden, with this process's number.
func temporaryName(for path: FilePath, attempt: Int) -> FilePath {
  path.renamed(prefix: ".", suffix: ".\(getpid())-\(attempt).partial")
}

/// Temporary files of exactly `path`'s name whose writers are gone.
///
/// A file is a killed writer's where its lock is free; where the file system keeps no locks nobody
/// can tell, and none is listed. Complexity: linear in the names of the folder.
public func leftoverFiles(of path: FilePath) -> [FilePath] {
  guard let target = try? ReplaceableFile(path).path else { return [] }
  var found: [FilePath] = []
  withLeftovers(of: target) { leftover, _ in found.append(leftover) }
  return found.sorted { $0.string < $1.string }
}

/// Removes temporary files of exactly `path`'s name whose writers are gone; see
/// ``leftoverFiles(of:)``.
///
/// - Parameter kept: those that stay all the same.
public func removeLeftovers(of path: FilePath, except kept: [FilePath] = []) {
  guard let target = try? ReplaceableFile(path).path else { return }
  withLeftovers(of: target) { leftover, file in
    // Removed while we hold its lock, so a new file of that name cannot be meant.
    guard !kept.contains(leftover), isNamed(leftover, file) else { return }
    leftover.withPlatformString { _ = unlink($0) }
  }
}

/// Calls `body` with every leftover and its open, locked file.
private func withLeftovers(of path: FilePath, _ body: (FilePath, FileDescriptor) -> Void) {
  let folder = path.removingLastComponent()
  let beginning = path.renamed(prefix: ".", suffix: ".").lastNameBytes
  let names = (try? namesIn(folder.isEmpty ? "." : folder)) ?? []
  for name in names where isTemporary(name.lastNameBytes, beginning: beginning) {
    let leftover = folder.appending(name.components)
    var status = stat()
    // A FIFO of such a name would hold up the opening, so look before.
    guard leftover.withPlatformString({ lstat($0, &status) }) == 0,
      status.st_mode & S_IFMT == S_IFREG,
      let file = try? FileDescriptor.open(
        leftover, .readWrite, options: [.closeOnExec, .noFollow, .nonBlocking])
    else { continue }
    if (try? KernelLock.take(file)) == .taken { body(leftover, file) }
    try? file.close()
  }
}

/// Whether a name is `beginning`, a process's number, `-`, a number, and `.partial`: no other
/// file's.
func isTemporary(_ name: [UInt8], beginning: [UInt8]) -> Bool {
  let ending = Array(".partial".utf8)
  guard name.starts(with: beginning), name.count > beginning.count + ending.count,
    name.suffix(ending.count).elementsEqual(ending)
  else { return false }
  let numbers = name[beginning.count..<name.count - ending.count]
    .split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
  return numbers.count == 2
    && numbers.allSatisfy { !$0.isEmpty && $0.allSatisfy { (48...57).contains($0) } }
}

extension FilePath {
  /// The path with `prefix` before its last name and `suffix` behind it, whatever bytes the name
  /// has.
  func renamed(prefix: String = "", suffix: String) -> FilePath {
    let folder = removingLastComponent()
    let bytes = Array(prefix.utf8) + lastNameBytes + Array(suffix.utf8) + [0]
    let name = bytes.map { CInterop.PlatformChar(bitPattern: $0) }
      .withUnsafeBufferPointer { name in
        name.baseAddress.map { FilePath(platformString: $0) } ?? FilePath()
      }
    return folder.appending(name.components)
  }

  /// The bytes of the last name.
  var lastNameBytes: [UInt8] {
    lastComponent.map { name in
      name.withPlatformString { Array(UnsafeBufferPointer(start: $0, count: strlen($0))) }
        .map { UInt8(bitPattern: $0) }
    } ?? []
  }
}
