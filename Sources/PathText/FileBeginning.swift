import SystemPackage

/// The first bytes of a file, `count` at most; fewer where it is shorter. Enough to recognise a
/// file without reading it.
///
/// - Throws: `Errno` where it cannot be opened or read.
/// - Complexity: O(`count`).
public func firstBytes(of path: FilePath, count: Int) throws(Errno) -> [UInt8] {
  do {
    let file = try FileDescriptor.open(path, .readOnly, options: .closeOnExec)
    defer { try? file.close() }
    return try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      while filled < count {
        let room = UnsafeMutableRawBufferPointer(
          rebasing: UnsafeMutableRawBufferPointer(buffer)[filled...])
        let got = try file.read(into: room)
        if got == 0 { break }
        filled += got
      }
    }
  } catch {
    throw error as? Errno ?? .ioError
  }
}
