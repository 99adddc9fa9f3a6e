/// A message as it goes over the socket: sixteen bytes of head, then a body.
///
/// | bytes | what |
/// | --- | --- |
/// | 0-3 | length of the body |
/// | 4-5 | kind: ``Request`` or the same with 0x8000 for its answer |
/// | 6-7 | status: 0 in requests and where all went well, else ``Status`` |
/// | 8-15 | tag: any number; the answer bears that of its request |
public struct Message: Hashable, Sendable {
  /// Bytes of a head.
  public static let headBytes = 16

  /// What it asks, or answers.
  public var kind: UInt16
  /// How that went; 0 in requests.
  public var status: UInt16
  /// The asker's mark.
  public var tag: UInt64
  /// The rest, by its kind.
  public var body: ArraySlice<UInt8>

  /// A message of these values.
  public init(kind: UInt16, status: UInt16 = 0, tag: UInt64, body: ArraySlice<UInt8>) {
    self.kind = kind
    self.status = status
    self.tag = tag
    self.body = body
  }

  /// Its bytes on the wire.
  ///
  /// - Complexity: O(bytes of the body).
  public var bytes: [UInt8] {
    var writer = BodyWriter(reserving: Self.headBytes + body.count)
    writer.put(UInt32(body.count))
    writer.put(kind)
    writer.put(status)
    writer.put(tag)
    return writer.bytes + body
  }
}

/// Cuts what comes from a socket into messages.
///
/// ```swift
/// var messages = MessageBuffer(maximumBody: 1 << 20)
/// messages.append(received)
/// while let message = try messages.next() { answer(message) }
/// ```
///
/// It never holds more than one message and what was received after it.
public struct MessageBuffer: Sendable {
  /// Bytes of the longest body that is taken.
  public let maximumBody: Int
  private var bytes: [UInt8] = []
  /// Where the next message begins in `bytes`.
  private var start = 0

  /// Takes messages whose bodies have at most `maximumBody` bytes.
  public init(maximumBody: Int) { self.maximumBody = maximumBody }

  /// Whether part of a message is there.
  public var isWaiting: Bool { start < bytes.count }

  /// Adds what was received.
  public mutating func append(_ received: some Sequence<UInt8>) {
    if start > 0 {
      bytes.removeFirst(start)
      start = 0
    }
    bytes.append(contentsOf: received)
  }

  /// Takes the next whole message; nil where it is not all there yet.
  ///
  /// - Throws: ``ProtocolError`` of kind ``ProtocolError/Kind/tooLong``; nothing that follows can
  ///   be read then.
  public mutating func next() throws(ProtocolError) -> Message? {
    guard bytes.count - start >= Message.headBytes else { return nil }
    var head = BodyReader(bytes[start..<start + Message.headBytes])
    let length = Int(try head.number("the length", as: UInt32.self))
    guard length <= maximumBody else {
      throw ProtocolError(
        .tooLong, "a body of \(length) bytes is announced; \(maximumBody) are taken")
    }
    let begin = start + Message.headBytes
    guard bytes.count - begin >= length else { return nil }
    let (kind, status, tag) = (
      try head.number("the kind", as: UInt16.self), try head.number("the status", as: UInt16.self),
      try head.number("the tag", as: UInt64.self)
    )
    start = begin + length
    return Message(kind: kind, status: status, tag: tag, body: bytes[begin..<start])
  }
}
