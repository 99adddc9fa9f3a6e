/// A protobuf message being written, field after field (proto3: a number of 0 and an empty list are
/// not written, but for the values of a `oneof`).
struct ProtobufMessage {
  /// The fields so far.
  private(set) var bytes: [UInt8] = []

  /// A number of a plain field.
  mutating func add(_ field: Int, _ number: UInt64) {
    if number != 0 { addAlways(field, number) }
  }

  /// A number that is written whatever it is, as in a `oneof`.
  mutating func addAlways(_ field: Int, _ number: UInt64) {
    Self.append(UInt64(field << 3), to: &bytes)
    Self.append(number, to: &bytes)
  }

  /// A text.
  mutating func add(_ field: Int, _ text: String) { add(field, Array(text.utf8)) }

  /// A list of numbers, packed.
  mutating func add(_ field: Int, packed numbers: [UInt64]) {
    var packed: [UInt8] = []
    for number in numbers { Self.append(number, to: &packed) }
    if !packed.isEmpty { add(field, packed) }
  }

  /// A message within this one.
  mutating func add(_ field: Int, _ message: ProtobufMessage) { add(field, message.bytes) }

  /// The message with its length before it, as one of a stream.
  var delimited: [UInt8] {
    var stream: [UInt8] = []
    Self.append(UInt64(bytes.count), to: &stream)
    return stream + bytes
  }

  private mutating func add(_ field: Int, _ content: [UInt8]) {
    Self.append(UInt64(field << 3 | 2), to: &bytes)
    Self.append(UInt64(content.count), to: &bytes)
    bytes += content
  }

  /// Seven bits a byte, the lowest first.
  private static func append(_ number: UInt64, to bytes: inout [UInt8]) {
    var rest = number
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: rest))
  }
}
