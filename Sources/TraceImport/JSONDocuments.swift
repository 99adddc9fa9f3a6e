import CSimdJSON

/// The JSON values of a file that holds one, one a line, or several behind one another: each in turn.
struct JSONDocuments {
  /// One value's text, and the bytes of the file before it.
  struct Document {
    let text: UnsafeRawBufferPointer
    let offset: Int
  }

  private var file: SourceFile
  /// The open source, and what of its bytes was not read yet.
  private var source: TraceSource?
  private var unread = 0..<0

  init(options: ImportOptions) { file = SourceFile(options: options) }

  /// Goes on to `source`, leaving the last one.
  mutating func open(_ source: TraceSource) throws(ImportError) {
    try file.open(source)
    self.source = file.take()
    unread = 0..<file.bytes.count
  }

  /// The longest value taken, in bytes: the parser takes some times its size.
  private static let longest = 1 << 29

  /// The next value of the open source, valid until another source is opened; nil where it has no
  /// more. A file of nothing is one empty value.
  ///
  /// - Throws: ``ImportError`` where the value is longer than 512 MiB.
  /// - Complexity: O(bytes of the value).
  mutating func next() throws(ImportError) -> (document: Document, source: TraceSource)? {
    guard let source else { return nil }
    let bytes = file.bytes.bytes
    let isFirst = unread.lowerBound == 0
    while let first = unread.first, JSONText.isSpace(bytes[first]) { unread.removeFirst() }
    guard !unread.isEmpty else {
      self.source = nil
      return isFirst ? (Document(text: bytes, offset: file.bytes.markLength), source) : nil
    }
    let rest = UnsafeRawBufferPointer(rebasing: bytes[unread])
    let length = csj_value_length(rest.bindMemory(to: UInt8.self).baseAddress, rest.count)
    guard length <= Self.longest else {
      throw ImportError(
        .tooLarge, file: source.path, byte: file.bytes.markLength + unread.lowerBound,
        problem: "the JSON value is longer than \(Self.longest >> 20) MiB",
        remedy: "write one request a line or file")
    }
    let text = UnsafeRawBufferPointer(rebasing: rest[..<length])
    defer { unread = unread.lowerBound + text.count..<unread.upperBound }
    return (
      Document(text: text, offset: file.bytes.markLength + unread.lowerBound), source
    )
  }
}
