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
    bytes.append(varint: UInt64(field << 3))
    bytes.append(varint: number)
  }

  /// A text.
  mutating func add(_ field: Int, _ text: String) {
    begin(field, count: text.utf8.count)
    bytes += text.utf8
  }

  /// A list of numbers, packed.
  mutating func add(_ field: Int, packed numbers: [UInt64]) {
    guard !numbers.isEmpty else { return }
    begin(field, count: numbers.reduce(0) { $0 + [UInt8].size(ofVarint: $1) })
    for number in numbers { bytes.append(varint: number) }
  }

  /// A message within this one, whose bytes `write` adds.
  ///
  /// - Parameter count: how many these are.
  mutating func add(_ field: Int, count: Int, _ write: (inout ProtobufMessage) -> Void) {
    begin(field, count: count)
    write(&self)
  }

  /// Forgets the fields, for another message.
  mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

  /// Field and length of what follows.
  private mutating func begin(_ field: Int, count: Int) {
    bytes.append(varint: UInt64(field << 3 | 2))
    bytes.append(varint: UInt64(count))
  }
}

extension [UInt8] {
  /// Appends a number, seven bits a byte, the lowest first.
  mutating func append(varint number: UInt64) {
    var rest = number
    while rest >= 0x80 {
      append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    append(UInt8(truncatingIfNeeded: rest))
  }

  /// Appends a message with its length before it, as one of a stream.
  mutating func append(delimited message: ProtobufMessage) {
    append(varint: UInt64(message.bytes.count))
    self += message.bytes
  }

  /// Bytes that a number takes.
  static func size(ofVarint number: UInt64) -> Int {
    Swift.max(1, (UInt64.bitWidth - number.leadingZeroBitCount + 6) / 7)
  }
}
