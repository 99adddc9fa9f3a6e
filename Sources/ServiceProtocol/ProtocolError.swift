/// Why a message is not one of this protocol.
public struct ProtocolError: Error, Hashable, CustomStringConvertible {
  /// The kinds of fault, for programs.
  public enum Kind: Hashable, Sendable {
    /// The message claims to be longer than is taken; where the next one begins is not known.
    case tooLong
    /// It has no such length, kind, or value; the message after it can be read.
    case malformed
  }

  /// What kind of fault it is.
  public var kind: Kind
  /// What is wrong, and what would be right.
  public var problem: String

  /// An error of this kind.
  public init(_ kind: Kind, _ problem: String) {
    self.kind = kind
    self.problem = problem
  }

  /// The problem.
  public var description: String { problem }
}
