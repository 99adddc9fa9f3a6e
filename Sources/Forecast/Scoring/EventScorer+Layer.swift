import Counting

/// Test, then train: a layer's events in order.
extension EventScorer {
  /// Goes through a layer's events in order: scores each by all of `predictors`, and only then
  /// counts it if `learns`.
  ///
  /// - Parameters:
  ///   - view: the layer's events.
  ///   - tokens: those to score, all of the view's unless given.
  ///   - predictors: whose forecasts are scored; their place in the list is their place in the
  ///     tally.
  ///   - counts: the layer's counts, with the tables of all predictors.
  ///   - learns: whether events are counted; counts otherwise stay as they are.
  ///   - tally: where ranks and log loss are added; of as many experts and predictors.
  /// - Complexity: O(T P K E) for T tokens and P predictors.
  public func run(
    _ view: LayerEvents, tokens: Range<Int>? = nil, by predictors: [any CountingPredictor],
    counts: CountsLearner, learns: Bool, into tally: borrowing ScoreTally
  ) {
    let tokens = tokens ?? 0..<view.tokens
    precondition(tokens.lowerBound >= 0 && tokens.upperBound <= view.tokens)
    ScoringPass(
      kernels: kernels, view: view, tokens: tokens, predictors: predictors, counts: counts,
      learns: learns, sums: tally.sums
    ).run(unrolledBy: view.knownTopK)
  }
}

/// A pass over events of one layer, and what it needs: everything is lent for its length.
private struct ScoringPass: TopKWork {
  let kernels: ScoringKernels
  let view: LayerEvents
  let tokens: Range<Int>
  let predictors: [any CountingPredictor]
  let counts: CountsLearner
  let learns: Bool
  let sums: ScoreTally.Sums

  func run<let constant: Int>(_ topK: TopK<constant>) {
    kernels.pass(view, tokens, topK, predictors, counts, learns, sums)
  }
}

extension ScoringKernels {
  /// Scores every event by every predictor, then counts it.
  fileprivate func pass<let constant: Int>(
    _ view: LayerEvents, _ tokens: Range<Int>, _ topK: TopK<constant>,
    _ predictors: [any CountingPredictor], _ counts: CountsLearner, _ learns: Bool,
    _ sums: ScoreTally.Sums
  ) {
    let rules = predictors.map(\.rule)
    let hasProducts = rules.contains { $0?.isProduct ?? false }
    if hasProducts { begin(counts.view) }
    rules.withUnsafeBufferPointer { rules in
      // Inside, where it is not captured: a constant stays one.
      let view = view.counted(topK)
      var token = tokens.lowerBound
      while token < tokens.upperBound {
        let event = view.event(token)
        if event.chosen.count > 0 {
          var index = 0
          while index < rules.count {
            let steps =
              approximateSteps(event, topK, by: rules[index], counts.view)
              ?? exactSteps(event, by: predictors[index], counts.view)
            sums.add(
              predictor: index, stage: event.stage, ranks: ranks,
              count: event.chosen.count, lossSteps: steps)
            index &+= 1
          }
          if learns {
            counts.learn(event)
            if hasProducts { learned(event, counts: counts.view) }
          }
        }
        token &+= 1
      }
    }
  }

  /// The event's ranks and its loss in steps by the fast kernels; nil where these cannot tell which
  /// step the exact loss rounds to, or how experts are ordered.
  @inline(__always)
  private func approximateSteps<let constant: Int>(
    _ event: Event, _ topK: TopK<constant>, by rule: ScoringRule?, _ counts: CountsView
  ) -> UInt64? {
    guard let rule, let mean = score(event, topK, by: rule, counts: counts) else { return nil }
    return LossSteps.of(bits: -mean, within: EventScorer.tolerance)
  }

  /// The event's ranks and its loss in steps from all probabilities: the slow way, which always
  /// works.
  @inline(never)
  private func exactSteps(
    _ event: Event, by predictor: any CountingPredictor, _ counts: CountsView
  ) -> UInt64 {
    LossSteps.of(bits: -scoreExactly(event, by: predictor, counts: counts))
  }
}
