import Forecast

/// The scores of one layer and chunk on their way to ``LayerMetrics``; used from one thread.
struct ScoreTally: ~Copyable {
  private let experts: Int
  /// `[(formula * 2 + stage) * experts + rank]`
  private let ranks: UnsafeMutableBufferPointer<UInt64>
  /// `[formula * 2 + stage]`: events and their log loss in steps of 2^-24 bits.
  private let events: UnsafeMutableBufferPointer<UInt64>
  private let lossSteps: UnsafeMutableBufferPointer<UInt64>

  init(experts: Int, formulas: Int) {
    self.experts = experts
    ranks = .allocate(capacity: 2 * formulas * experts)
    ranks.initialize(repeating: 0)
    events = .allocate(capacity: 2 * formulas)
    events.initialize(repeating: 0)
    lossSteps = .allocate(capacity: 2 * formulas)
    lossSteps.initialize(repeating: 0)
  }

  deinit {
    ranks.deallocate()
    events.deallocate()
    lossSteps.deallocate()
  }

  /// Scores an event that has a choice by the `index`th formula.
  ///
  /// Sums are not written in place with an operator: Swift 6.3.1 then aborts under the thread sanitizer.
  /// The scorer's approximation serves wherever it rounds to the same step of loss as the exact
  /// value must.
  @inline(__always)
  func score(
    _ event: Event, by formula: Formula, at index: Int, scorer: borrowing EventScorer,
    counts: CountsView
  ) {
    var steps: UInt64?
    if let rule = formula.rule, let mean = scorer.score(event, by: rule, counts: counts) {
      steps = LayerMetrics.steps(ofBits: -mean, within: EventScorer.tolerance)
    }
    let exact =
      steps
      ?? LayerMetrics.steps(
        ofBits: -scorer.scoreExactly(event, by: formula.predictor, counts: counts))
    let place = 2 * index + event.stage
    let histogram = place * experts
    let count = event.chosen.count
    var slot = 0
    while slot < count {
      let rank = histogram + Int(scorer.ranks[slot])
      ranks[rank] = ranks[rank] &+ 1
      slot += 1
    }
    events[place] = events[place] &+ 1
    lossSteps[place] = lossSteps[place] &+ exact
  }

  /// Adds what the `index`th formula came to.
  func add(_ index: Int, to metrics: inout LayerMetrics) {
    for stage in 0..<2 {
      let place = 2 * index + stage
      metrics.add(
        stage: stage, events: events[place], lossSteps: lossSteps[place],
        ranks: UnsafeMutableBufferPointer(
          rebasing: ranks[place * experts..<(place + 1) * experts]))
    }
  }
}
