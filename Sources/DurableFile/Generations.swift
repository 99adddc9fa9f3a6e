import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The path of a file's generation `number`: `M.h5` itself for 0, then `M.h5.1`, `M.h5.2`, ...
public func generation(_ number: Int, of path: FilePath) -> FilePath {
  guard number > 0, let name = path.lastComponent?.string else { return path }
  return path.removingLastComponent().appending("\(name).\(number)")
}

/// The generations of `path` that are there, newest first; `path` itself only if it is.
public func generations(of path: FilePath) -> [FilePath] {
  var found: [FilePath] = []
  var number = 0
  // A writer killed while it rotated leaves at most one gap.
  while number < 2 || exists(generation(number, of: path))
    || exists(generation(number + 1, of: path))
  {
    if exists(generation(number, of: path)) { found.append(generation(number, of: path)) }
    number += 1
  }
  return found
}

/// Makes room for a new generation 0: the present one becomes 1 while keeping its own name too, 1
/// becomes 2, and what is older than `keeping` goes.
///
/// The present file never leaves its name, so a reader always finds one.
func rotateGenerations(
  of path: FilePath, keeping: Int, operations: any FileOperations
) throws(FileError) {
  guard keeping > 0, exists(path), !isSameFile(path, generation(1, of: path)) else { return }
  do throws(Errno) {
    for number in stride(from: keeping, through: 1, by: -1) {
      let (old, new) = (generation(number - 1, of: path), generation(number, of: path))
      if exists(new) { try retrying { () throws(Errno) in try operations.remove(new) } }
      if number > 1 {
        guard exists(old) else { continue }
        try retrying { () throws(Errno) in try operations.rename(old, to: new) }
      } else {
        try retrying { () throws(Errno) in try operations.link(old, to: new) }
      }
    }
  } catch {
    throw FileError(path, .rotate, error)
  }
}

/// Whether there is anything of this name.
func exists(_ path: FilePath) -> Bool {
  var status = stat()
  return path.withPlatformString { lstat($0, &status) } == 0
}

/// Whether both names lead to one file, as a writer killed between link and rename leaves them.
private func isSameFile(_ one: FilePath, _ other: FilePath) -> Bool {
  var (first, second) = (stat(), stat())
  guard one.withPlatformString({ stat($0, &first) }) == 0,
    other.withPlatformString({ stat($0, &second) }) == 0
  else { return false }
  return first.st_ino == second.st_ino && first.st_dev == second.st_dev
}
