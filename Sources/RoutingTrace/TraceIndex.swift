/// The totals of a trace and where its chunks begin: a skippable frame behind the last chunk, which
/// ``TraceWriter/finish()`` writes.
///
/// No reader needs it, but with it parts of a trace are read by their chunks' ordinals
/// (``TraceReader/index(of:name:)``); a trace without one was cut short or is still being written.
/// Wire form, little-endian: magic `MOEI`, u32 version 1, u64 requests, u64 tokens, u64 chunks,
/// then a u64 byte offset a chunk, then the XXH32 of all before.
public struct TraceIndex: Hashable, Sendable {
  /// Requests begun in the whole trace.
  public var requests = 0
  /// Tokens in the whole trace.
  public var tokens = 0
  /// For each chunk the byte of the file at which its frame begins.
  public var offsets: [Int] = []

  static let magic = Array("MOEI".utf8)
  /// Low bits of the skippable frame's magic number.
  static let variant: UInt8 = 0xE

  /// The wire form; `checksum` is XXH32.
  func encoded(checksum: ([UInt8]) -> UInt32) -> [UInt8] {
    var bytes = Self.magic
    bytes.append(littleEndian: UInt32(1))
    bytes.append(littleEndian: UInt64(requests))
    bytes.append(littleEndian: UInt64(tokens))
    bytes.append(littleEndian: UInt64(offsets.count))
    for offset in offsets { bytes.append(littleEndian: UInt64(offset)) }
    bytes.append(littleEndian: checksum(bytes))
    return bytes
  }

  /// Whether a payload begins as indices do.
  static func isIndex(_ payload: UnsafeRawBufferPointer) -> Bool {
    payload.starts(with: magic)
  }

  /// The index of a trace without chunks.
  init() {}

  init(
    decoding payload: UnsafeRawBufferPointer, checksum: (UnsafeRawBufferPointer) -> UInt32
  ) throws(PayloadError) {
    var cursor = ByteCursor(payload)
    _ = try cursor.take(4)
    guard try cursor.take(UInt32.self) == 1 else {
      throw PayloadError("the index has an unknown version")
    }
    let requests = try cursor.take(UInt64.self)
    let tokens = try cursor.take(UInt64.self)
    let chunks = try cursor.take(UInt64.self)
    guard cursor.remaining >= 4, chunks == UInt64((cursor.remaining - 4) / 8),
      let requests = Int(exactly: requests), let tokens = Int(exactly: tokens)
    else { throw PayloadError("the index claims \(chunks) chunks") }
    for _ in 0..<chunks { offsets.append(Int(truncatingIfNeeded: try cursor.take(UInt64.self))) }
    let covered = UnsafeRawBufferPointer(rebasing: payload[..<cursor.position])
    guard try cursor.take(UInt32.self) == checksum(covered), cursor.remaining == 0 else {
      throw PayloadError("the index's checksum does not match")
    }
    self.requests = requests
    self.tokens = tokens
  }
}
