/// Takes little-endian fields from the front of a payload, refusing to pass its end: decoders of
/// headers, chunks and indices read through it.
struct ByteCursor {
  /// The whole payload.
  private let bytes: UnsafeRawBufferPointer
  /// Bytes taken.
  private(set) var position = 0

  /// The cursor lives no longer than `bytes`.
  init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  /// Bytes not yet taken.
  var remaining: Int { bytes.count - position }

  /// The next integer.
  ///
  /// - Throws: ``PayloadError`` where the payload ends before.
  mutating func take<Value: FixedWidthInteger>(_: Value.Type) throws(PayloadError) -> Value {
    let field = try take(MemoryLayout<Value>.size)
    return Value(littleEndian: field.loadUnaligned(as: Value.self))
  }

  /// The next `count` bytes.
  mutating func take(_ count: Int) throws(PayloadError) -> UnsafeRawBufferPointer {
    guard count >= 0, count <= remaining else {
      throw PayloadError("it ends at byte \(bytes.count), a field needs \(position + count)")
    }
    defer { position += count }
    return UnsafeRawBufferPointer(rebasing: bytes[position..<position + count])
  }

  /// The next `count` bytes as UTF-8 text.
  mutating func takeString(_ count: Int) throws(PayloadError) -> String {
    guard let text = String(validating: try take(count), as: UTF8.self) else {
      throw PayloadError("a text in it is not UTF-8")
    }
    return text
  }
}

/// A payload whose fields contradict each other; whoever read it adds file and chunk.
struct PayloadError: Error {
  /// What is wrong, as a clause for messages.
  let problem: String
  /// What the user can do, where it is something else than to import the trace again.
  let remedy: String?

  init(_ problem: String, remedy: String? = nil) {
    self.problem = problem
    self.remedy = remedy
  }

  /// Bits that this version keeps at 0 are set: a later version may give them a meaning that must
  /// not be passed over.
  static let reserved = PayloadError(
    "bits that this version keeps at 0 are set", remedy: ofLaterVersion)

  /// What helps where a later version may have written what is read.
  static let ofLaterVersion = "read it with the moecast that wrote it, or make the trace again"
}

extension [UInt8] {
  /// Appends an integer, least significant byte first.
  mutating func append(littleEndian value: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
  }
}
