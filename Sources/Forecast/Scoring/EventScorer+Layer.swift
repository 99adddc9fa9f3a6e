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
    let rules = predictors.map(\.rule)
    rules.withUnsafeBufferPointer { rules in
      ScoringPass(
        kernels: kernels, view: view, tokens: tokens, predictors: predictors, rules: rules,
        hasProducts: rules.contains { $0?.isProduct ?? false }, counts: counts, learns: learns,
        sums: tally.sums
      ).run(unrolledBy: view.knownTopK)
    }
  }
}

/// A pass over events of one layer, and what it needs: everything is lent for its length.
private struct ScoringPass: TopKWork {
  let kernels: ScoringKernels
  let view: LayerEvents
  let tokens: Range<Int>
  let predictors: [any CountingPredictor]
  let rules: UnsafeBufferPointer<ScoringRule?>
  let hasProducts: Bool
  let counts: CountsLearner
  let learns: Bool
  let sums: ScoreTally.Sums

  /// Scores every event by every predictor, then counts it.
  func run<let constant: Int>(_ topK: TopK<constant>) {
    // What is the same for every event is copied into local constants: read through `self`, each
    // would be loaded again after every write to the tables.
    let (kernels, counts, sums, rules) = (kernels, counts, sums, rules)
    let (learns, hasProducts) = (learns, hasProducts)
    let view = view.counted(topK)
    if hasProducts { kernels.begin(counts.view) }
    var token = tokens.lowerBound
    while token < tokens.upperBound {
      let event = view.event(token)
      if event.chosen.count > 0 {
        var index = 0
        while index < rules.count {
          let steps =
            Self.approximateSteps(event, topK, by: rules[index], kernels, counts.view)
            ?? exactSteps(event, predictors[index])
          sums.add(
            predictor: index, stage: event.stage, ranks: kernels.ranks,
            count: event.chosen.count, lossSteps: steps)
          index &+= 1
        }
        if learns {
          counts.learn(event)
          if hasProducts { kernels.learned(event, counts: counts.view) }
        }
      }
      token &+= 1
    }
  }

  /// The event's ranks and its loss in steps by the fast kernels; nil where these cannot tell which
  /// step the exact loss rounds to, or how experts are ordered.
  @inline(__always)
  private static func approximateSteps<let constant: Int>(
    _ event: Event, _ topK: TopK<constant>, by rule: ScoringRule?, _ kernels: ScoringKernels,
    _ counts: CountsView
  ) -> UInt64? {
    guard let rule, let mean = kernels.score(event, topK, by: rule, counts: counts) else {
      return nil
    }
    return LossSteps.of(bits: -mean, within: EventScorer.tolerance)
  }

  /// The event's ranks and its loss in steps from all probabilities: the slow way, which always
  /// works.
  @inline(never)
  private func exactSteps(_ event: Event, _ predictor: any CountingPredictor) -> UInt64 {
    LossSteps.of(bits: -kernels.scoreExactly(event, by: predictor, counts: counts.view))
  }
}
