import Glibc
import PathText
import SystemPackage

/// One file whole in memory as ``PlainBytes`` gives it, in a buffer that is kept from file to file.
///
/// The buffer grows as bytes arrive, so memory follows what is there and not what the file system
/// declares, nor what a compressed file says it holds. Behind the bytes there is room for readers that
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

  /// The buffer's first size.
  private let firstCapacity: Int

  /// A buffer for files of at most `limit` bytes, most often of `expected` bytes.
  init(limit: Int, expected: Int? = nil) {
    self.limit = limit
    // A byte more shows that there are no more.
    firstCapacity = expected.map { max(16, $0 + 1) + JSONReader.padding } ?? 1 << 20
  }

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
  func read(_ source: PlainBytes) throws(ImportError) {
    try fill(file: source.file) { (room) throws(ImportError) in
      let got = try source.read(into: room)
      guard got == 0 || count + got <= limit else {
        let problem =
          source.isCompressed
          ? "it inflates to more than \(limit) bytes" : "it is larger than \(limit) bytes"
        throw ImportError(
          .tooLarge, file: source.file, problem: problem,
          remedy: "split it into one file a request")
      }
      return got
    }
    markLength = source.markLength
    isCompressed = source.isCompressed
  }

  /// Replaces the contents by all that `next` fills room with, until that is nothing.
  func fill(
    file: String, from next: (UnsafeMutableRawBufferPointer) throws(ImportError) -> Int
  ) throws(ImportError) {
    count = 0
    while true {
      if capacity - padding <= count { try grow(file: file) }
      guard let storage else { return }
      let got = try next(
        UnsafeMutableRawBufferPointer(start: storage + count, count: capacity - padding - count))
      if got == 0 { break }
      count += got
    }
    if let storage {
      (storage + count).initializeMemory(as: UInt8.self, repeating: 0, count: padding)
    }
  }

  /// Gives back the room behind the contents.
  func trim() {
    guard let smaller = realloc(storage, count + padding) else { return }
    storage = smaller
    capacity = count + padding
  }

  /// Doubles the buffer.
  private func grow(file: String) throws(ImportError) {
    let larger = capacity == 0 ? firstCapacity : max(1 << 20, capacity * 2)
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
