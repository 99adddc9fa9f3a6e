import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The files below a folder, at any depth, as texts relative to it, in no order; see `FilePath.text`.
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
    guard let listing = path.withPlatformString({ opendir($0) }) else {
      let code = Errno(rawValue: errno)
      if inner.isEmpty { throw code }
      continue
    }
    defer { closedir(listing) }
    while let entry = readdir(listing) {
      // The kernel ends a name with a zero.
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CInterop.PlatformChar.self, capacity: 256) {
          FilePath(platformString: $0)
        }
      }
      guard name != ".", name != ".." else { continue }
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
