/// Where frames are read from: a file, a pipe, memory. A type of one's own needs ``read(into:)``
/// only.
///
/// ```swift
/// struct Zeros: ByteSource {
///   var left: Int
///   mutating func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
///     let count = min(left, buffer.count)
///     buffer[..<count].initializeMemory(as: UInt8.self, repeating: 0)
///     left -= count
///     return count
///   }
/// }
/// ```
public protocol ByteSource {
  /// Fills the front of `buffer` and returns how many bytes it put there; 0 only at the end.
  ///
  /// - Throws: what keeps the source from being read; readers hand it on.
  mutating func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int

  /// All that is left, where it lies in memory already and need not be copied; the source is at its
  /// end then. Nil for sources that are read piece by piece.
  mutating func takeAll() -> [UInt8]?
}

/// A source that can go to any of its bytes.
public protocol SeekableSource: ByteSource {
  /// Bytes of the whole.
  var length: Int { get }

  /// Lets the next read begin at byte `offset` of `0...length`.
  mutating func seek(to offset: Int) throws
}

extension ByteSource {
  /// Nil: a source is read piece by piece unless it says otherwise.
  public mutating func takeAll() -> [UInt8]? { nil }
}

/// Where frames are written to: a file, memory. All bytes are taken, or an error is thrown.
public protocol ByteSink {
  /// Appends `bytes`.
  mutating func write(_ bytes: UnsafeRawBufferPointer) throws
}

/// Bytes in memory as a source, such as a file that was read whole; nothing is copied where a
/// reader takes all at once.
public struct MemorySource: ByteSource {
  /// All bytes of the source.
  private let bytes: [UInt8]
  /// Bytes that were read.
  private var position = 0

  /// A source that gives `bytes` and ends.
  public init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// Copies what is left, as much as fits.
  public mutating func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    let count = min(buffer.count, bytes.count - position)
    buffer.copyBytes(from: bytes[position..<position + count])
    position += count
    return count
  }

  /// The very array, unless some of it was read.
  public mutating func takeAll() -> [UInt8]? {
    defer { position = bytes.count }
    return position == 0 ? bytes : Array(bytes[position...])
  }
}

extension MemorySource: SeekableSource {
  /// Bytes of the whole.
  public var length: Int { bytes.count }

  /// Lets the next read begin at byte `offset`.
  public mutating func seek(to offset: Int) { position = min(max(0, offset), bytes.count) }
}

/// A sink that keeps in memory what it is given: ``bytes`` are what a file would hold.
public struct MemorySink: ByteSink {
  /// Everything written so far.
  public private(set) var bytes: [UInt8] = []

  /// An empty sink.
  public init() {}

  /// Keeps a copy of `bytes`.
  public mutating func write(_ bytes: UnsafeRawBufferPointer) {
    self.bytes.append(contentsOf: bytes)
  }
}
