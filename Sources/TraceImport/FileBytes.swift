import Glibc
import PathText
import SystemPackage

/// One file whole in memory, in a buffer that is kept from file to file.
///
/// The buffer grows as bytes arrive, so memory follows what is there and not what the file system
/// declares. Behind the bytes there is room for readers that look past the end, as simdjson does.
final class FileBytes {
  /// The largest file taken.
  let limit: Int
  /// Bytes of the file.
  private(set) var count = 0
  /// Bytes of the buffer, at least `count + padding`.
  private(set) var capacity = 0
  private let padding = JSONReader.padding
  private var storage: UnsafeMutableRawPointer?

  /// A buffer for files of at most `limit` bytes.
  init(limit: Int) { self.limit = limit }

  deinit { free(storage) }

  /// The file's bytes; valid until the next ``read(_:)``.
  var bytes: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: storage, count: count)
  }

  /// Replaces the contents by those of the file at `path`.
  func read(_ path: String) throws(ImportError) {
    let descriptor = try Self.open(path)
    defer { try? descriptor.close() }
    try read(descriptor, file: path)
  }

  /// Replaces the contents by all that comes from `descriptor`, which stays open.
  ///
  /// - Parameter path: what to call it in messages.
  func read(_ descriptor: FileDescriptor, file path: String) throws(ImportError) {
    count = 0
    while true {
      if capacity - padding <= count { try grow(file: path) }
      guard let storage else { return }
      let room = UnsafeMutableRawBufferPointer(
        start: storage + count, count: capacity - padding - count)
      let got: Int
      do {
        got = try descriptor.read(into: room)
      } catch {
        throw ImportError(error as? Errno ?? .ioError, file: path, doing: "read it")
      }
      if got == 0 { break }
      count += got
      guard count <= limit else {
        throw ImportError(
          .tooLarge, file: path, problem: "it is larger than \(limit) bytes",
          remedy: "split it into one file a request")
      }
    }
    if let storage {
      (storage + count).initializeMemory(as: UInt8.self, repeating: 0, count: padding)
    }
  }

  /// Doubles the buffer.
  private func grow(file: String) throws(ImportError) {
    let larger = max(1 << 20, capacity * 2)
    guard let new = realloc(storage, larger) else {
      throw ImportError(
        .tooLarge, file: file, problem: "there is not enough memory to read it",
        remedy: "split it into one file a request")
    }
    storage = new
    capacity = larger
  }

  /// The first bytes of a file, `count` at most.
  static func head(of path: String, count: Int) throws(ImportError) -> [UInt8] {
    do throws(Errno) { return try firstBytes(of: FilePath(text: path), count: count) } catch {
      throw ImportError(error, file: path, doing: "read it")
    }
  }

  /// Whether something can be read at `path`.
  static func exists(_ path: String) -> Bool {
    FilePath(text: path).withPlatformString { access($0, R_OK) == 0 }
  }

  /// Opens a file for reading.
  static func open(_ path: String) throws(ImportError) -> FileDescriptor {
    do {
      return try FileDescriptor.open(FilePath(text: path), .readOnly, options: .closeOnExec)
    } catch {
      throw ImportError(error as? Errno ?? .ioError, file: path, doing: "open it")
    }
  }
}
