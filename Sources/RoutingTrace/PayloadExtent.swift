/// How long a header or a chunk is by its own fields, where no frame tells.
enum PayloadExtent {
  /// Bytes from which the length is known; no payload is shorter.
  static let fields = ChunkPayload.fixedHeader

  /// Whether `front`, at least ``fields`` bytes or all there are, may be the front of a payload.
  static func mayBegin(_ front: Slice<UnsafeRawBufferPointer>) -> Bool {
    [TraceHeader.magic, ChunkPayload.magic].contains { $0.starts(with: front.prefix($0.count)) }
  }

  /// Bytes of the payload whose first bytes are `front`; nil where they are no payload's. What it
  /// says beside that is not looked at.
  static func length(_ front: Slice<UnsafeRawBufferPointer>) -> Int? {
    let front = UnsafeRawBufferPointer(rebasing: front)
    guard front.count >= fields else { return nil }
    func number<Value: FixedWidthInteger>(_ at: Int, _: Value.Type) -> Int {
      Int(Value(littleEndian: front.loadUnaligned(fromByteOffset: at, as: Value.self)))
    }
    if TraceHeader.isHeader(front) {
      return TraceHeader.fixedFields + 2 * number(18, UInt16.self) + number(20, UInt32.self)
    }
    let (width, weighted) = (Int(front[24]), Int(front[25]))
    guard front.starts(with: ChunkPayload.magic), (1...2).contains(width), weighted <= 1 else {
      return nil
    }
    let perToken = number(26, UInt16.self) * number(28, UInt16.self) * (width + 2 * weighted)
    let (ids, overflow) = number(16, UInt32.self).multipliedReportingOverflow(by: perToken)
    return overflow ? .max : ids.addingReportingOverflow(number(4, UInt32.self)).partialValue
  }
}
