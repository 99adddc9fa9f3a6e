import Archive

extension NPYArray {
  /// Counts of a tensor: whole numbers from 0.
  func counts() throws(ArchiveError) -> [UInt64] {
    switch element {
    case .unsigned(1): try counts(UInt8.self)
    case .signed(2): try counts(Int16.self)
    case .signed(4): try counts(Int32.self)
    case .signed(8): try counts(Int64.self)
    case .float(4): try counts(singles: ())
    default:
      throw ArchiveError(
        "its counts are of type \(element)", remedy: "save them as whole numbers of 32 or 64 bits")
    }
  }

  private static var negative: ArchiveError {
    ArchiveError("it has a count that is no whole number from 0")
  }

  private func counts<Value: FixedWidthInteger>(
    _ type: Value.Type
  ) throws(ArchiveError) -> [UInt64] {
    var counts: [UInt64] = []
    counts.reserveCapacity(count)
    try pieces { (bytes) throws(ArchiveError) in
      for at in stride(from: 0, to: bytes.count, by: element.size) {
        guard let count = UInt64(exactly: bytes.littleEndian(at: at, as: type)) else {
          throw Self.negative
        }
        counts.append(count)
      }
    }
    return counts
  }

  private func counts(singles: Void) throws(ArchiveError) -> [UInt64] {
    var counts: [UInt64] = []
    counts.reserveCapacity(count)
    try pieces { (bytes) throws(ArchiveError) in
      for at in stride(from: 0, to: bytes.count, by: 4) {
        let bits = bytes.littleEndian(at: at, as: UInt32.self)
        guard let count = UInt64(exactly: Float(bitPattern: bits)) else { throw Self.negative }
        counts.append(count)
      }
    }
    return counts
  }

  /// The elements' bytes, some at a time.
  private func pieces(
    _ use: (UnsafeRawBufferPointer) throws(ArchiveError) -> Void
  ) throws(ArchiveError) {
    var rest = count * element.size
    while rest > 0 {
      let piece = min(rest, 1 << 20)
      try use(try content.take(piece))
      rest -= piece
    }
  }
}
