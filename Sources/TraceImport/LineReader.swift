import Glibc
import SystemPackage

/// Lines of a text file, one at a time; memory follows the longest line.
final class LineReader {
  /// The file's path, for messages.
  let file: String
  /// Number of the latest line, from 1.
  private(set) var line = 0
  /// Bytes taken from the file.
  private(set) var bytesRead = 0

  private let descriptor: FileDescriptor
  /// The longest line taken, in bytes.
  private let limit: Int
  /// The buffer; it grows to the longest line.
  private var storage: UnsafeMutableRawPointer?
  /// Bytes of the buffer.
  private var capacity = 0
  /// Bytes of the buffer that were not handed out.
  private var pending = 0..<0
  private var isAtEnd = false

  /// - Parameter limit: the longest line taken, in bytes.
  init(_ file: String, limit: Int) throws(ImportError) {
    self.file = file
    self.limit = limit
    descriptor = try FileBytes.open(file)
  }

  deinit {
    try? descriptor.close()
    free(storage)
  }

  /// The next line without its end, valid until the next call; nil at the file's end.
  func next() throws(ImportError) -> UnsafeRawBufferPointer? {
    var searched = pending.lowerBound
    while true {
      if let storage,
        let end = memchr(storage + searched, 0x0A, pending.upperBound - searched)
      {
        let at = UnsafeRawPointer(end) - UnsafeRawPointer(storage)
        return take(to: at, skipping: 1)
      }
      if isAtEnd {
        // The last line may lack its end.
        return pending.isEmpty ? nil : take(to: pending.upperBound, skipping: 0)
      }
      let unsearched = pending.count
      try fill()
      searched = pending.lowerBound + unsearched
    }
  }

  /// Hands out the pending bytes before `end`, and skips the line's end.
  private func take(to end: Int, skipping: Int) -> UnsafeRawBufferPointer {
    line += 1
    let start = pending.lowerBound
    pending = end + skipping..<pending.upperBound
    var count = end - start
    let text = UnsafeRawPointer(storage) ?? UnsafeRawPointer(bitPattern: 1)
    if count > 0, let text, text.load(fromByteOffset: end - 1, as: UInt8.self) == 0x0D {
      count -= 1
    }
    return UnsafeRawBufferPointer(start: text.map { $0 + start }, count: count)
  }

  /// Reads on, moving what is pending to the buffer's front and making room where it is full.
  private func fill() throws(ImportError) {
    if pending.lowerBound > 0, let storage {
      memmove(storage, storage + pending.lowerBound, pending.count)
      pending = 0..<pending.count
    }
    if pending.upperBound == capacity {
      guard capacity < limit else {
        throw ImportError(
          .tooLarge, file: file, line: line + 1, problem: "the line is longer than \(limit) bytes",
          remedy: "split the sequence")
      }
      capacity = max(1 << 16, capacity * 2)
      guard let larger = realloc(storage, capacity) else {
        throw ImportError(
          .tooLarge, file: file, line: line + 1, problem: "there is not enough memory for the line",
          remedy: "split the sequence")
      }
      storage = larger
    }
    let got: Int
    do {
      got = try descriptor.read(
        into: UnsafeMutableRawBufferPointer(
          start: storage.map { $0 + pending.upperBound }, count: capacity - pending.upperBound))
    } catch {
      throw ImportError(error as? Errno ?? .ioError, file: file, doing: "read it")
    }
    isAtEnd = got == 0
    bytesRead += got
    pending = pending.lowerBound..<pending.upperBound + got
  }
}
