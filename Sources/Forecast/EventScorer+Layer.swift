/// Test, then train: a layer's events in order.
extension EventScorer {
  /// Scores every event by each of `predictors`, and only then counts it if `learns`.
  ///
  /// - Parameters:
  ///   - tokens: those to score, all of the view's unless given.
  ///   - tally: of as many experts and predictors.
  public func run(
    _ view: LayerEvents, tokens: Range<Int>? = nil, by predictors: [any Predictor],
    counts: CountsView, learns: Bool, into tally: borrowing ScoreTally
  ) {
    let tokens = tokens ?? 0..<view.tokens
    precondition(tokens.lowerBound >= 0 && tokens.upperBound <= view.tokens)
    // Loops over a top-k known here unroll; these are those of the models that people run.
    switch view.isFull ? view.topK : 0 {
    case 1: pass(view, tokens, TopK<1>(), predictors, counts, learns, tally)
    case 2: pass(view, tokens, TopK<2>(), predictors, counts, learns, tally)
    case 4: pass(view, tokens, TopK<4>(), predictors, counts, learns, tally)
    case 6: pass(view, tokens, TopK<6>(), predictors, counts, learns, tally)
    case 8: pass(view, tokens, TopK<8>(), predictors, counts, learns, tally)
    default: pass(view, tokens, TopK<0>(), predictors, counts, learns, tally)
    }
  }

  private func pass<let constant: Int>(
    _ view: LayerEvents, _ tokens: Range<Int>, _ topK: TopK<constant>,
    _ predictors: [any Predictor], _ counts: CountsView, _ learns: Bool,
    _ tally: borrowing ScoreTally
  ) {
    let rules = predictors.map(\.rule)
    let hasProducts = rules.contains { $0?.isProduct ?? false }
    if hasProducts { begin(counts) }
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
              approximateSteps(event, topK, by: rules[index], counts)
              ?? exactSteps(event, by: predictors[index], counts)
            tally.add(
              predictor: index, stage: event.stage, ranks: ranks,
              count: event.chosen.count, lossSteps: steps)
            index &+= 1
          }
          if learns {
            counts.learn(event)
            if hasProducts { learned(event, counts: counts) }
          }
        }
        token &+= 1
      }
    }
  }

  /// By the approximation, where it rounds to the same step of loss as the exact value must.
  @inline(__always)
  private func approximateSteps<let constant: Int>(
    _ event: Event, _ topK: TopK<constant>, by rule: ScoringRule?, _ counts: CountsView
  ) -> UInt64? {
    guard let rule, let mean = score(event, topK, by: rule, counts: counts) else { return nil }
    return LossSteps.of(bits: -mean, within: Self.tolerance)
  }

  @inline(never)
  private func exactSteps(
    _ event: Event, by predictor: any Predictor, _ counts: CountsView
  ) -> UInt64 {
    LossSteps.of(bits: -scoreExactly(event, by: predictor, counts: counts))
  }
}
