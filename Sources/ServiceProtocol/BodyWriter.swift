/// Puts values behind each other as `BodyReader` takes them.
struct BodyWriter {
  /// What was put so far.
  private(set) var bytes: [UInt8]

  /// Begins with these bytes, room for `capacity` more reserved.
  init(_ bytes: [UInt8] = [], reserving capacity: Int = 0) {
    self.bytes = bytes
    self.bytes.reserveCapacity(bytes.count + capacity)
  }

  /// Puts one number.
  mutating func put(_ number: some FixedWidthInteger) {
    withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
  }

  /// Puts numbers, without their count.
  mutating func put<Number: FixedWidthInteger>(_ numbers: [Number]) {
    #if _endian(little)
      numbers.withUnsafeBytes { bytes.append(contentsOf: $0) }
    #else
      for number in numbers { put(number) }
    #endif
  }

  /// Puts numbers of 32 bits, without their count.
  mutating func put(_ numbers: [Float]) {
    #if _endian(little)
      numbers.withUnsafeBytes { bytes.append(contentsOf: $0) }
    #else
      for number in numbers { put(number.bitPattern) }
    #endif
  }

  /// Puts one number of 64 bits.
  mutating func put(_ number: Double) { put(number.bitPattern) }

  /// Puts a text, its length before it.
  mutating func put(_ text: String) {
    put(UInt32(text.utf8.count))
    bytes.append(contentsOf: text.utf8)
  }
}
