import Glibc
import PathText
import SystemPackage

/// One file whole in memory as ``PlainBytes`` gives it, in a buffer that is kept from file to file.
///
/// The buffer grows as bytes arrive, so memory follows what is there and not what the file system
/// declares, nor what a gzip file says it holds. Behind the bytes there is room for readers that
/// look past the end, as simdjson does.
final class FileBytes {
  /// The largest file taken.
  let limit: Int
  /// Bytes of the file.
  private(set) var count = 0
  /// Bytes of the byte order mark before the first of them.
  private(set) var markLength = 0
  /// Whether they were inflated.
  private(set) var isCompressed = false
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
    try read(try PlainBytes(path))
  }

  /// Replaces the contents by all that comes from `descriptor`, which stays open.
  ///
  /// - Parameter path: what to call it in messages.
  func read(_ descriptor: FileDescriptor, file path: String) throws(ImportError) {
    try read(PlainBytes(descriptor, file: path))
  }

  /// Replaces the contents by all that is left of `source`.
  private func read(_ source: PlainBytes) throws(ImportError) {
    count = 0
    while true {
      if capacity - padding <= count { try grow(file: source.file) }
      guard let storage else { return }
      let got = try source.read(
        into: UnsafeMutableRawBufferPointer(
          start: storage + count, count: capacity - padding - count))
      if got == 0 { break }
      count += got
      guard count <= limit else {
        let problem =
          source.isCompressed
          ? "it inflates to more than \(limit) bytes" : "it is larger than \(limit) bytes"
        throw ImportError(
          .tooLarge, file: source.file, problem: problem,
          remedy: "split it into one file a request")
      }
    }
    markLength = source.markLength
    isCompressed = source.isCompressed
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

  /// Whether something can be read at `path`.
  static func exists(_ path: String) -> Bool {
    FilePath(text: path).withPlatformString { access($0, R_OK) == 0 }
  }
}
