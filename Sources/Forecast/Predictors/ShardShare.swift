/// What one shard counts in a merge that joins shards one after another, in a fixed order: by the
/// tokens that it learnt.
///
/// Running means make a merge need no more than two models at a time. The first shard that has
/// learnt anything is taken as it is, and one that has learnt nothing changes nothing, to the last
/// bit.
public struct ShardShare: Hashable, Sendable {
  /// Tokens that the shards joined before it have learnt.
  public let before: Int
  /// Tokens that it has learnt itself.
  public let own: Int
  /// Tokens that all shards of the merge have learnt.
  public let all: Int

  /// The share of a shard of `own` tokens, after shards of `before` tokens, of `all` in all.
  ///
  /// - Precondition: none is negative, and `before + own` is at most `all`.
  public init(before: Int, own: Int, all: Int) {
    precondition(before >= 0 && own >= 0 && before + own <= all)
    self.before = before
    self.own = own
    self.all = all
  }

  /// How much of the mean of all joined so far is this shard's: 1 for the first.
  public var fraction: Float { own == 0 ? 0 : Float(Double(own) / Double(before + own)) }

  /// How many of `capacity` places are the shard's: what is bounded goes to shards by their tokens,
  /// and all of it is given away.
  public func places(of capacity: Int) -> Int {
    guard all > 0 else { return 0 }
    func first(_ tokens: Int) -> Int {
      let (high, low) = tokens.multipliedFullWidth(by: capacity)
      return all.dividingFullWidth((high, low)).quotient
    }
    return first(before + own) - first(before)
  }
}
