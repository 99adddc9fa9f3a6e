/// The request that a token belongs to, as the kernels see it: where its state lies, and whether
/// that state is to begin anew.
public struct TokenOwner: Hashable, Sendable {
  /// The request's place: what is kept of requests under way is indexed by it.
  public var place: Int32
  /// 1 + the bucket of its task's name, of ``TaskName/buckets``; 0 for none.
  public var task: Int32
  /// Whether the token before it in its request is not known, so that the request's state begins
  /// anew.
  public var isFirst: Bool
  /// Whether it is the first decoded token of a request whose prefill is known.
  public var entersDecode: Bool

  /// An owner of these values.
  public init(place: Int32, task: Int32 = 0, isFirst: Bool, entersDecode: Bool = false) {
    self.place = place
    self.task = task
    self.isFirst = isFirst
    self.entersDecode = entersDecode
  }
}

/// What a ``RequestBook`` knows of the request of a run.
public struct RunOwner: Hashable, Sendable {
  /// The request's place; -1 for a run of no tokens whose request is not known.
  public var place: Int
  /// ``TaskName/hash(_:)`` of the request's task; 0 for none.
  public var task: UInt64
  /// Whether the place is the request's from this run on: what was kept there is another's.
  public var isNew: Bool
  /// Whether another request was forgotten to make room for it.
  public var displaces: Bool
}

/// Turns the name of a request's task into numbers, for those who cannot keep texts.
public enum TaskName {
  /// Tasks that kernels tell apart, by a hash of their names.
  public static let buckets = 64

  /// A name's hash, FNV-1a in 64 bits; 0 for an empty name.
  public static func hash(_ name: String) -> UInt64 {
    guard !name.isEmpty else { return 0 }
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return hash
  }

  /// 1 + the bucket of a name's hash, of ``buckets``; 0 for the hash of no name.
  public static func bucket(_ hash: UInt64) -> Int32 {
    hash == 0 ? 0 : 1 + Int32((hash ^ (hash >> 32)) % UInt64(buckets))
  }
}
