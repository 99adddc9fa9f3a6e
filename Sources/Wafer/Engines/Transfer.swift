import Demand

/// A copy of one expert on one die, there or to come.
///
/// Keys are ordered by die, then by layer, then by the expert's number. They compare inlined: the
/// staging engine looks for them all the time.
@usableFromInline
package struct CopyKey: Hashable, Comparable, Sendable {
  /// Which expert, of which layer.
  @usableFromInline package let expert: ExpertKey
  /// The die that has it, or gets it.
  @usableFromInline package let die: Int

  /// A copy of `expert` on `die`.
  package init(_ expert: ExpertKey, on die: Int) {
    self.expert = expert
    self.die = die
  }

  @inlinable
  package static func == (first: CopyKey, second: CopyKey) -> Bool {
    first.die == second.die && first.expert == second.expert
  }

  /// By die, then by expert.
  @inlinable
  package static func < (first: CopyKey, second: CopyKey) -> Bool {
    (first.die, first.expert) < (second.die, second.expert)
  }
}

/// A transfer of one expert's weights towards a die, ahead of need.
@usableFromInline
package struct Transfer: Hashable, Sendable {
  /// Where the weights go.
  @usableFromInline package enum Target: Hashable, Sendable {
    /// A copy in the die's HBM, for the next steps.
    case copy
    /// The die's staging buffer, for one turn of a layer only: turns are counted from 0 through all
    /// layers of all steps.
    case buffer(turn: Int)

    @inlinable
    package static func == (first: Target, second: Target) -> Bool {
      switch (first, second) {
      case (.copy, .copy): true
      case (.buffer(let one), .buffer(let other)): one == other
      default: false
      }
    }
  }

  /// The expert, and the die that gets it.
  @usableFromInline package let key: CopyKey
  /// The node whose memory is read.
  package let source: Int
  /// Where they go.
  package let target: Target
  /// Chunks to bring; fewer than the whole expert where the buffer holds no more.
  package let chunks: Int
  /// Chunks that have come.
  package var done: Int
  /// Expected seconds saved; the most promising transfer goes first.
  package var value: Double

  /// A transfer of which `done` chunks have come.
  package init(
    _ key: CopyKey, from source: Int, to target: Target, chunks: Int, done: Int = 0, value: Double
  ) {
    self.key = key
    self.source = source
    self.target = target
    self.chunks = chunks
    self.done = done
    self.value = value
  }

  /// The die that gets the weights.
  @inlinable package var die: Int { key.die }

  /// Whether all of it has come.
  package var isComplete: Bool { done == chunks }
}
