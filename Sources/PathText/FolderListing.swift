import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The files below a folder, at any depth, as texts relative to it, in no order; see
/// `FilePath.text`.
///
/// Folders behind symbolic links are not entered, so the walk ends; links to files are files.
///
/// - Throws: `Errno` where the folder itself cannot be read.
/// - Complexity: linear in the names below the folder.
public func filesBelow(_ folder: FilePath) throws(Errno) -> [String] {
  var files: [String] = []
  var waiting: [FilePath] = [""]
  while let inner = waiting.popLast() {
    let path = folder.appending(inner.components)
    let names: [FilePath]
    do throws(Errno) { names = try namesIn(path) } catch {
      if inner.isEmpty { throw error }
      continue
    }
    for name in names {
      let place = inner.appending(name.components)
      let full = folder.appending(place.components)
      var status = stat()
      guard full.withPlatformString({ lstat($0, &status) }) == 0 else { continue }
      if status.st_mode & S_IFMT == S_IFDIR {
        waiting.append(place)
        continue
      }
      if status.st_mode & S_IFMT == S_IFLNK {
        guard full.withPlatformString({ stat($0, &status) }) == 0,
          status.st_mode & S_IFMT != S_IFDIR
        else { continue }
      }
      files.append(place.text)
    }
  }
  return files
}

/// The names in a folder, byte for byte and in no order, but for `.` and `..`.
///
/// - Throws: `Errno` where the folder cannot be read.
/// - Complexity: O(names in the folder).
public func namesIn(_ folder: FilePath) throws(Errno) -> [FilePath] {
  guard let listing = folder.withPlatformString({ opendir($0) }) else {
    throw Errno(rawValue: errno)
  }
  defer { closedir(listing) }
  var names: [FilePath] = []
  while let entry = readdir(listing) {
    // The kernel ends a name with a zero.
    let name = withUnsafePointer(to: &entry.pointee.d_name) {
      $0.withMemoryRebound(to: CInterop.PlatformChar.self, capacity: 256) {
        FilePath(platformString: $0)
      }
    }
    if name != ".", name != ".." { names.append(name) }
  }
  return names
}
