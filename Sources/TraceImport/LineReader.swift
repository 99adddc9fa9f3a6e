import Glibc

/// Lines of a text file as ``PlainBytes`` gives it, one at a time; memory follows the longest line.
///
/// Empty lines at the end are no lines: many programs leave some. Behind every line there is room
/// for readers that look past the end, as simdjson does.
final class LineReader {
  /// The file's path, for messages.
  var file: String { source.file }
  /// Number of the latest line, from 1.
  private(set) var line = 0

  private let source: PlainBytes
  /// The longest line taken, in bytes.
  private let limit: Int
  private let padding = JSONReader.padding
  /// The buffer; it grows to the longest line, and its padding is behind its capacity.
  private var storage: UnsafeMutableRawPointer?
  /// Bytes of the buffer.
  private var capacity = 0
  /// Bytes of the buffer that were not taken.
  private var pending = 0..<0
  private var isAtEnd = false
  /// Where the last whole line in the buffer ends, once somebody asked.
  private var wholeEnd: Int?
  /// Empty lines that are handed out if another line follows, and that line.
  private var emptyLines = 0
  private var lineBehind: UnsafeRawBufferPointer?

  /// The longest line that any format has, in bytes: memory is bounded, whatever a file holds.
  private static let longest = 1 << 28

  /// - Parameter limit: the longest line taken, in bytes; 256 MiB at most.
  init(_ found: FoundFile, limit: Int) throws(ImportError) {
    self.limit = min(limit, Self.longest)
    source = try PlainBytes(found)
  }

  deinit { free(storage) }

  /// The next line without its end, valid until the next call; nil behind the last that is not
  /// empty.
  func next() throws(ImportError) -> UnsafeRawBufferPointer? {
    while lineBehind == nil {
      guard let text = try take() else { return nil }
      let mayBeEmpty = text.first.map(Self.isBlank) ?? true
      if !mayBeEmpty, emptyLines == 0 {
        line += 1
        return text
      }
      if mayBeEmpty, text.allSatisfy(Self.isBlank) {
        emptyLines += 1
      } else {
        lineBehind = text
      }
    }
    line += 1
    guard emptyLines == 0 else {
      emptyLines -= 1
      return UnsafeRawBufferPointer(start: nil, count: 0)
    }
    return lineBehind.take()
  }

  /// The lines that are in memory from the next on, each with its end; whoever reads some of them
  /// says so to ``skip(bytes:lines:)``. Empty where nothing but ``next()`` tells what follows.
  func wholeLines() -> UnsafeRawBufferPointer {
    guard let storage, lineBehind == nil else {
      return UnsafeRawBufferPointer(start: nil, count: 0)
    }
    var end = wholeEnd ?? pending.upperBound
    if wholeEnd == nil {
      let bytes = storage.assumingMemoryBound(to: UInt8.self)
      while end > pending.lowerBound, bytes[end - 1] != 0x0A { end -= 1 }
      wholeEnd = end
    }
    let start = pending.lowerBound
    return UnsafeRawBufferPointer(start: storage + start, count: max(0, end - start))
  }

  /// Passes over lines of ``wholeLines()``, none of them empty.
  func skip(bytes: Int, lines: Int) {
    precondition(bytes <= pending.count, "no more is skipped than there is")
    pending = pending.lowerBound + bytes..<pending.upperBound
    line += lines
  }

  @inline(__always)
  private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x0D }

  /// Takes the next line, whatever stands in it; nil at the file's end.
  private func take() throws(ImportError) -> UnsafeRawBufferPointer? {
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

  /// Takes the pending bytes before `end`, and skips the line's end.
  private func take(to end: Int, skipping: Int) -> UnsafeRawBufferPointer {
    let start = pending.lowerBound
    pending = end + skipping..<pending.upperBound
    guard let storage else { return UnsafeRawBufferPointer(start: nil, count: 0) }
    let text = UnsafeRawBufferPointer(start: storage + start, count: end - start)
    return text.last == 0x0D ? UnsafeRawBufferPointer(rebasing: text.dropLast()) : text
  }

  /// Reads on, moving what is pending to the buffer's front and making room where it is full.
  private func fill() throws(ImportError) {
    wholeEnd = nil
    if pending.lowerBound > 0, let storage {
      memmove(storage, storage + pending.lowerBound, pending.count)
      pending = 0..<pending.count
    }
    if pending.upperBound == capacity {
      guard capacity < limit else {
        throw ImportError(
          .tooLarge, file: file, line: line + 1, problem: "the line is longer than \(limit) bytes",
          remedy: "split it into lines of fewer tokens")
      }
      let larger = max(1 << 16, capacity * 2)
      guard let room = realloc(storage, larger + padding) else {
        throw ImportError(
          .tooLarge, file: file, line: line + 1, problem: "there is not enough memory for the line",
          remedy: "split it into lines of fewer tokens")
      }
      storage = room
      capacity = larger
    }
    guard let storage else { return }
    let got = try source.read(
      into: UnsafeMutableRawBufferPointer(
        start: storage + pending.upperBound, count: capacity - pending.upperBound))
    isAtEnd = got == 0
    pending = pending.lowerBound..<pending.upperBound + got
    (storage + pending.upperBound).initializeMemory(as: UInt8.self, repeating: 0, count: padding)
  }
}
