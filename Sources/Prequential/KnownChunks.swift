/// Notices the chunks of a stream that were learnt before, or come in it twice, by their digests.
///
/// ```swift
/// var known = KnownChunks(learner.digests)
/// while let chunk = try stream.next() { known.note(chunk.checksum) }
/// print("\(known.learnt) of \(known.passed) chunks were learnt before")
/// ```
///
/// A digest is that of a chunk's payload, its requests' numbers included: the same tokens cut into
/// other chunks are not recognised.
public struct KnownChunks: Sendable {
  /// Chunks of the stream so far.
  public private(set) var passed = 0
  private let before: Set<UInt32>
  /// Chunks that were learnt before the stream.
  public let known: Int
  private var stream: Set<UInt32> = []
  /// Chunks whose digest is one of those, by chance or not.
  public private(set) var metBefore = 0
  private var metAgain = 0

  /// Knows what was learnt before the stream.
  public init(_ digests: [UInt32] = []) {
    before = Set(digests)
    known = before.count
  }

  /// What was noticed of shards that were measured apart.
  ///
  /// - Parameters:
  ///   - shards: the digests of their chunks.
  ///   - met: how many of these are of chunks that were learnt before.
  ///   - known: chunks that were learnt before.
  /// - Complexity: O(`shards`).
  public init(shards: [UInt32], met: Int, known: Int) {
    before = []
    self.known = known
    for digest in shards { note(digest) }
    metBefore = met
  }

  /// Takes note of the stream's next chunk, which has this digest.
  public mutating func note(_ digest: UInt32) {
    passed += 1
    if before.contains(digest) { metBefore += 1 }
    if !stream.insert(digest).inserted { metAgain += 1 }
  }

  /// Chunks of the stream that were learnt before it.
  public var learnt: Int {
    Self.beyondChance(metBefore, pairs: Double(passed) * Double(known))
  }

  /// Chunks of the stream that had come in it before.
  public var repeated: Int {
    Self.beyondChance(metAgain, pairs: Double(passed) * Double(passed) / 2)
  }

  /// How many of `digests` were learnt before.
  public func count(in digests: [UInt32]) -> Int {
    Self.beyondChance(
      digests.count(where: before.contains), pairs: Double(digests.count) * Double(before.count))
  }

  /// So many equal digests; 0 where chance alone would make as many equal.
  ///
  /// Digests have 32 bits, so of n pairs of other chunks n / 2^32 agree by chance.
  private static func beyondChance(_ equal: Int, pairs: Double) -> Int {
    Double(equal) > 10 * pairs / 4_294_967_296 ? equal : 0
  }
}
