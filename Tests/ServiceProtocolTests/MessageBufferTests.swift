import Testing

@testable import ServiceProtocol

@Suite struct MessageBufferTests {
  let messages = [
    Message(kind: 1, status: 2, tag: 3, body: [4, 5, 6]), Message(kind: 7, tag: 8, body: []),
    Message(kind: 9, tag: .max, body: [UInt8](repeating: 1, count: 100)[...]),
  ]

  @Test(arguments: [1, 2, 15, 16, 17, 1000]) func piecesOfAnySizeGiveTheSame(size: Int) throws {
    let bytes = messages.flatMap(\.bytes)
    var buffer = MessageBuffer(maximumBody: 100)
    var found: [Message] = []
    for start in stride(from: 0, to: bytes.count, by: size) {
      buffer.append(bytes[start..<min(start + size, bytes.count)])
      while let message = try buffer.next() { found.append(message) }
    }
    #expect(found == messages)
    #expect(!buffer.isWaiting)
  }

  @Test func halfAMessageWaits() throws {
    var buffer = MessageBuffer(maximumBody: 100)
    buffer.append(messages[0].bytes.dropLast())
    #expect(try buffer.next() == nil)
    #expect(buffer.isWaiting)
  }

  @Test func aBodyThatIsTooLongIsRefusedByItsHead() throws {
    var buffer = MessageBuffer(maximumBody: 99)
    buffer.append(messages[2].bytes.prefix(16))
    #expect(
      throws: ProtocolError(.tooLong, "a body of 100 bytes is announced; 99 are taken")
    ) { try buffer.next() }
  }
}
