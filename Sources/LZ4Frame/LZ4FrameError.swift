/// What is wrong with a stream of LZ4 frames, and at which byte of it.
public struct LZ4FrameError: Error, Hashable, CustomStringConvertible {
  /// The kinds of fault, for programs.
  public enum Kind: Hashable, Sendable {
    /// The bytes there do not begin a frame.
    case notAFrame
    /// The stream ends inside a frame.
    case truncated
    /// A checksum, a size or the compressed bytes contradict each other.
    case corrupt
    /// A frame is larger than the reader was told to accept.
    case tooLarge
    /// There is not the memory that a frame takes.
    case memory
    /// A frame that can be decoded only with the dictionary it was made with.
    case dictionary
    /// A frame of a version of the format that this reader does not know.
    case unsupported
  }

  /// Which kind of fault it is.
  public let kind: Kind
  /// Byte in the compressed stream at which the faulty frame begins.
  public let offset: Int
  /// What is wrong, as a clause for messages.
  public let problem: String

  /// A fault in the frame that begins at byte `offset`.
  public init(_ kind: Kind, at offset: Int, _ problem: String) {
    self.kind = kind
    self.offset = offset
    self.problem = problem
  }

  /// The content of the frame that begins at `offset` is not what its checksum was made of.
  public static func checksum(at offset: Int) -> LZ4FrameError {
    LZ4FrameError(.corrupt, at: offset, "the content checksum does not match")
  }

  /// The content is not as long as the header of the frame that begins at `offset` says.
  static func size(_ count: Int, _ expected: UInt64, at offset: Int) -> LZ4FrameError {
    LZ4FrameError(
      .corrupt, at: offset, "the frame holds \(count) bytes, its header says \(expected)")
  }

  /// A block of the frame that begins at `offset` cannot be decoded.
  static func block(at offset: Int) -> LZ4FrameError {
    LZ4FrameError(.corrupt, at: offset, "a block does not decompress")
  }

  /// One line: the byte and the problem.
  public var description: String { "byte \(offset): \(problem)" }
}
