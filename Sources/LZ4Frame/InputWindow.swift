/// A window over a source whose bytes can be looked at before they are taken: frames are parsed in
/// it.
struct InputWindow<Source: ByteSource> {
  /// Where more bytes come from.
  private var source: Source
  /// Room for bytes that were read.
  private var bytes: [UInt8]
  /// The first byte of the window.
  private var first = 0
  /// Behind its last byte.
  private var end = 0
  /// Bytes that were taken.
  private var dropped = 0
  /// Whether nothing can follow what is in the window.
  private var isWhole = false

  /// Bytes taken so far.
  var offset: Int { dropped }

  /// A window at the beginning of `source`.
  init(_ source: Source) {
    self.source = source
    if let all = self.source.takeAll() {
      bytes = all
      end = all.count
      isWhole = true
    } else {
      bytes = [UInt8](repeating: 0, count: 1 << 18)
    }
  }

  /// Forgets what waits and goes on at byte `offset` of the source.
  mutating func seek(to offset: Int) throws where Source: SeekableSource {
    try source.seek(to: offset)
    first = 0
    end = 0
    isWhole = false
    dropped = offset
  }

  /// Makes at least `count` bytes available; false where the source ends before.
  mutating func fill(_ count: Int) throws -> Bool {
    if end - first >= count { return true }
    if isWhole { return false }
    if bytes.count - first < count {
      bytes.withUnsafeMutableBytes { bytes in
        bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[first..<end]))
      }
      end -= first
      first = 0
      if bytes.count < count {
        bytes.append(contentsOf: repeatElement(0, count: max(count, 2 * bytes.count) - bytes.count))
      }
    }
    while end - first < count {
      let end = end
      let read = try bytes.withUnsafeMutableBytes {
        try source.read(into: UnsafeMutableRawBufferPointer(rebasing: $0[end...]))
      }
      if read == 0 { return false }
      self.end += read
    }
    return true
  }

  /// The first `count` bytes, or as many as there are; none is taken.
  mutating func peek(_ count: Int) throws -> [UInt8] {
    _ = try fill(count)
    return Array(bytes[first..<min(first + count, end)])
  }

  /// The byte at `index`, which a `fill` has made available.
  func byte(_ index: Int) -> UInt8 { bytes[first + index] }

  /// The first `count` bytes, which a `fill` has made available.
  func withFront<Result>(
    _ count: Int, _ body: (UnsafeRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    try bytes.withUnsafeBytes {
      try body(UnsafeRawBufferPointer(rebasing: $0[first..<first + count]))
    }
  }

  /// Takes `count` bytes.
  mutating func drop(_ count: Int) {
    first += count
    dropped += count
    if first == end {
      first = 0
      end = 0
    }
  }
}
