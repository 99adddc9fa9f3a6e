import RoutingTrace

/// The experts of one event: up to top-k ids, in the order of the source, which for most puts the
/// largest gate weight first.
///
/// ```swift
/// let chosen = event.chosen
/// for index in 0..<chosen.count { print(chosen[index]) }
/// ```
///
/// Valid inside the closure that was lent the block: it points into the block's ids.
public struct ExpertSet {
  /// The first id; nil for the set of no expert.
  @usableFromInline package let first: UnsafePointer<UInt16>?
  /// How many experts it holds, at most top-k.
  public let count: Int

  /// The `count` ids from `first` on.
  @inlinable
  package init(first: UnsafePointer<UInt16>?, count: Int) {
    self.first = first
    self.count = count
  }

  /// The set of no expert.
  @inlinable
  package static var none: ExpertSet { ExpertSet(first: nil, count: 0) }

  /// The ids from `first` on, at most `topK`: empty slots are the last ones of an event.
  ///
  /// - Complexity: O(`topK`).
  @inlinable @inline(__always)
  package init(slots first: UnsafePointer<UInt16>, topK: Int) {
    var count = topK
    while count > 0, first[count &- 1] == TokenBlock.emptySlot { count &-= 1 }
    self.init(first: first, count: count)
  }

  /// This set with as many experts as `topK` says, where that is known: loops over it then have a
  /// constant length.
  @inlinable @inline(__always)
  package func counted<let constant: Int>(_ topK: TopK<constant>) -> ExpertSet {
    constant == 0 ? self : ExpertSet(first: first, count: constant)
  }

  /// The id at `index`, which must be below ``count`` and is not checked.
  @inlinable @inline(__always)
  public subscript(index: Int) -> Int { Int(first.unsafelyUnwrapped[index]) }
}
