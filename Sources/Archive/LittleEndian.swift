extension UnsafeRawBufferPointer {
  /// An integer at `offset`; the caller has checked the bounds.
  @inlinable
  package func littleEndian<Value: FixedWidthInteger>(
    at offset: Int, as type: Value.Type
  ) -> Value {
    Value(littleEndian: loadUnaligned(fromByteOffset: offset, as: type))
  }
}

extension [UInt8] {
  /// Appends an integer, least significant byte first.
  @inlinable
  package mutating func append(littleEndian value: some FixedWidthInteger) {
    Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
  }
}
