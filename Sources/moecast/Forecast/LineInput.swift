import SystemPackage

/// Lines of a pipe as they come, none of them longer than a limit: of a longer one its end is
/// waited for, and nothing of it kept.
struct LineInput {
  /// A line without its end, or that it was too long.
  enum Line: Equatable {
    case text(String)
    case tooLong
  }

  private let descriptor: FileDescriptor
  private let limit: Int
  /// What came and was not handed on.
  private var pending: [UInt8] = []
  /// Bytes of ``pending`` in which no line ends.
  private var searched = 0
  private var isTooLong = false
  private var isAtEnd = false

  /// - Parameters:
  ///   - descriptor: where lines come from; it stays open.
  ///   - limit: the longest line taken, in bytes.
  init(_ descriptor: FileDescriptor, limit: Int) {
    self.descriptor = descriptor
    self.limit = limit
  }

  /// The next line, waited for; nil at the end.
  mutating func next() throws(Errno) -> Line? {
    while true {
      if let end = pending[searched...].firstIndex(of: 0x0A) {
        let line = Array(pending[..<end])
        pending.removeFirst(end + 1)
        return take(line)
      }
      if isAtEnd {
        guard !pending.isEmpty || isTooLong else { return nil }
        defer { pending = [] }
        return take(pending)
      }
      if pending.count > limit {
        isTooLong = true
        pending.removeAll(keepingCapacity: true)
      }
      searched = pending.count
      try fill()
    }
  }

  /// A line that has ended.
  private mutating func take(_ line: [UInt8]) -> Line {
    defer { isTooLong = false }
    searched = 0
    if isTooLong || line.count > limit { return .tooLong }
    return .text(String(decoding: line.last == 0x0D ? line.dropLast() : line[...], as: UTF8.self))
  }

  /// Waits for more.
  private mutating func fill() throws(Errno) {
    var room = [UInt8](repeating: 0, count: 1 << 16)
    do {
      let count = try room.withUnsafeMutableBytes { try descriptor.read(into: $0) }
      isAtEnd = count == 0
      pending += room[..<count]
    } catch {
      throw error as? Errno ?? .ioError
    }
  }
}
