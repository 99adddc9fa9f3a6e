/// Lines of text that wait to be handed on.
struct TextLines {
  private var text: [UInt8] = []

  /// Adds a line, which has no end yet.
  mutating func add(_ line: String) {
    text += line.utf8
    text.append(UInt8(ascii: "\n"))
  }

  /// Hands on what waits if it is more than `count` bytes.
  mutating func flush(
    beyond count: Int = 64 << 10, to sink: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    guard text.count > count else { return }
    try text.withUnsafeBytes { try sink($0) }
    text.removeAll(keepingCapacity: true)
  }
}
