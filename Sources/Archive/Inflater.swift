/// What inflates compressed data that comes in pieces of any size.
package protocol Inflater: AnyObject {
  /// Inflates what `packed` begins with, until it or `room` is used up.
  ///
  /// - Returns: bytes taken of `packed`, and bytes that `room` was filled with.
  /// - Throws: ``InflaterError`` where the data is damaged, or something else follows it.
  func inflate(
    _ packed: UnsafeRawBufferPointer, into room: UnsafeMutableRawBufferPointer
  ) throws(InflaterError) -> (taken: Int, filled: Int)

  /// Ends the data.
  ///
  /// - Throws: ``InflaterError`` where it is cut off.
  func finish() throws(InflaterError)
}

/// How data is compressed, as its first bytes say.
package enum Compression: String, CaseIterable, Sendable {
  case gzip, xz

  /// How data begins that is compressed so.
  package var magic: [UInt8] {
    switch self {
    case .gzip: GzipInflater.magic
    case .xz: XZInflater.magic
    }
  }

  /// What such a file's name ends in.
  package var suffix: String { self == .gzip ? ".gz" : ".xz" }

  /// The compression of data that begins so; nil where it is none of these.
  package init?(of head: some Sequence<UInt8>) {
    guard let found = Self.allCases.first(where: { head.starts(with: $0.magic) }) else {
      return nil
    }
    self = found
  }

  /// What inflates it.
  package func inflater() throws(InflaterError) -> any Inflater {
    switch self {
    case .gzip: try GzipInflater()
    case .xz: try XZInflater()
    }
  }
}

/// What is wrong with compressed data, and where.
package struct InflaterError: Error, Hashable {
  /// What is wrong, as a clause for messages.
  package let problem: String
  /// What the user can do.
  package let remedy: String
  /// Byte of the compressed data near the fault; nil where the data is not at fault.
  package let byte: Int?

  static func cutOff(_ kind: Compression, at byte: Int) -> InflaterError {
    InflaterError(
      problem: "its \(kind) data is cut off", remedy: "download or compress the file again",
      byte: byte)
  }

  static func damaged(_ kind: Compression, at byte: Int) -> InflaterError {
    InflaterError(
      problem: "its \(kind) data is damaged", remedy: "download or compress the file again",
      byte: byte)
  }

  static func follows(_ kind: Compression, at byte: Int) -> InflaterError {
    InflaterError(
      problem: "something else follows its \(kind) data",
      remedy: "keep its first \(byte) bytes alone: head -c \(byte)", byte: byte)
  }

  static let noMemory = InflaterError(
    problem: "there is not enough memory to inflate it", remedy: "free some memory", byte: nil)
}
