/// Takes values from a message's body, front to back; little-endian, without gaps.
///
/// No length is trusted: an array is taken only where all of its bytes are there.
struct BodyReader {
  private let bytes: ArraySlice<UInt8>
  /// Where the next value begins.
  private var position: Int

  /// Reads `bytes` from the front.
  init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    position = bytes.startIndex
  }

  /// Bytes that were not taken.
  var rest: Int { bytes.endIndex - position }

  /// Takes one number.
  mutating func number<Number: FixedWidthInteger>(
    _ name: String, as type: Number.Type = Number.self
  ) throws(ProtocolError) -> Number {
    try numbers(name, count: 1, as: type)[0]
  }

  /// Takes `count` numbers.
  mutating func numbers<Number: FixedWidthInteger>(
    _ name: String, count: Int, as type: Number.Type = Number.self
  ) throws(ProtocolError) -> [Number] {
    let size = MemoryLayout<Number>.size
    let (length, overflow) = count.multipliedReportingOverflow(by: size)
    guard count >= 0, !overflow, length <= rest else {
      throw ProtocolError(
        .malformed, "the body ends in \(name): \(rest) bytes are left for \(count) of \(size)")
    }
    // The length was checked above; the copy is what an array of any alignment needs.
    let numbers = bytes[position..<position + length].withUnsafeBytes { source in
      [Number](unsafeUninitializedCapacity: count) { target, filled in
        UnsafeMutableRawBufferPointer(target).copyMemory(from: source)
        filled = count
      }
    }
    position += length
    #if _endian(little)
      return numbers
    #else
      return numbers.map(Number.init(littleEndian:))
    #endif
  }

  /// Takes `count` numbers of 32 bits.
  mutating func floats(_ name: String, count: Int) throws(ProtocolError) -> [Float] {
    try numbers(name, count: count, as: UInt32.self).map(Float.init(bitPattern:))
  }

  /// Takes one number of 64 bits.
  mutating func double(_ name: String) throws(ProtocolError) -> Double {
    Double(bitPattern: try number(name, as: UInt64.self))
  }

  /// Takes a text: its length in bytes, 32 bits, and so many bytes of UTF-8.
  mutating func text(_ name: String) throws(ProtocolError) -> String {
    let length = Int(try number(name, as: UInt32.self))
    let units = try numbers(name, count: length, as: UInt8.self)
    guard let text = String(validating: units, as: UTF8.self) else {
      throw ProtocolError(.malformed, "\(name) is not UTF-8")
    }
    return text
  }

  /// Throws where bytes are left.
  func end() throws(ProtocolError) {
    guard rest == 0 else {
      throw ProtocolError(.malformed, "\(rest) bytes follow the body's last value")
    }
  }
}
