/// Adds up the scores of one layer's events, by predictor and stage, while an ``EventScorer`` makes
/// them. It owns its memory and is used from one thread.
public struct ScoreTally: ~Copyable {
  /// Experts of the layer, and so ranks (E).
  let experts: Int
  /// `[(predictor * 2 + stage) * experts + rank]`
  private let ranks: UnsafeMutableBufferPointer<UInt64>
  /// `[predictor * 2 + stage]`: events scored.
  private let events: UnsafeMutableBufferPointer<UInt64>
  /// `[predictor * 2 + stage]`: log loss of those events, see ``LossSteps``.
  private let lossSteps: UnsafeMutableBufferPointer<UInt64>

  /// A tally of `predictors` predictors in which no event is scored yet.
  public init(experts: Int, predictors: Int) {
    self.experts = experts
    ranks = .allocate(capacity: 2 * predictors * experts)
    ranks.initialize(repeating: 0)
    events = .allocate(capacity: 2 * predictors)
    events.initialize(repeating: 0)
    lossSteps = .allocate(capacity: 2 * predictors)
    lossSteps.initialize(repeating: 0)
  }

  /// Forgets what was scored, so that the tally serves the next layer or stretch of tokens.
  ///
  /// - Complexity: O(`predictors` x E).
  public func clear() {
    ranks.update(repeating: 0)
    events.update(repeating: 0)
    lossSteps.update(repeating: 0)
  }

  deinit {
    ranks.deallocate()
    events.deallocate()
    lossSteps.deallocate()
  }

  /// The sums, for those who add to them while the tally is there.
  var sums: Sums {
    Sums(experts: experts, ranks: ranks, events: events, lossSteps: lossSteps)
  }

  /// Where the scores of events are added; valid as long as its tally is.
  struct Sums {
    fileprivate let experts: Int
    fileprivate let ranks: UnsafeMutableBufferPointer<UInt64>
    fileprivate let events: UnsafeMutableBufferPointer<UInt64>
    fileprivate let lossSteps: UnsafeMutableBufferPointer<UInt64>

    /// Notes the ranks of an event's `count` experts, each below `experts`, and its loss.
    ///
    /// Sums are not written in place with an operator: Swift 6.3.1 then aborts under the thread
    /// sanitizer.
    @inline(__always)
    func add(
      predictor: Int, stage: Int, ranks own: UnsafePointer<Int32>, count: Int,
      lossSteps steps: UInt64
    ) {
      let place = 2 &* predictor &+ stage
      let histogram = place &* experts
      var slot = 0
      while slot < count {
        let rank = histogram &+ Int(own[slot])
        ranks[rank] = ranks[rank] &+ 1
        slot &+= 1
      }
      events[place] = events[place] &+ 1
      lossSteps[place] = lossSteps[place] &+ steps
    }
  }

  /// Lends what a predictor came to at a stage.
  ///
  /// - Parameters:
  ///   - predictor: its place in the list that was scored.
  ///   - stage: 0 prefill, 1 decode.
  ///   - body: called with the events scored, their log loss in ``LossSteps``, and how many of the
  ///     chosen experts stood at each of the `experts` ranks; the buffer is valid inside the call
  ///     only.
  public func withSums<Result>(
    predictor: Int, stage: Int,
    _ body: (
      _ events: UInt64, _ lossSteps: UInt64, _ ranks: UnsafeMutableBufferPointer<UInt64>
    ) -> Result
  ) -> Result {
    let place = 2 * predictor + stage
    return body(
      events[place], lossSteps[place],
      UnsafeMutableBufferPointer(rebasing: ranks[place * experts..<(place + 1) * experts]))
  }
}
