import Counting

/// What each part says of an event: the formulas of the article, in single precision.
///
/// Unsafe: `out` has room for `lanes` values; ids are below `experts`, places below what
/// ``RequestHistories/reserve(places:)`` made room for.
extension MixtureLayer {
  /// Writes every part's probability of every expert.
  func fillInputs(
    _ context: EventContext, _ place: Int, _ histories: RequestHistories, topK: Float,
    votes: PathVotes?, at: Int, _ scratch: EventScratch
  ) {
    let lanes = lanes
    let prior = scratch.prior
    fillPrior(prior)
    let tabled = Self.tabled(parts)
    if tabled.contains(.layer) {
      averageRows(.layer, context.sameToken(1), prior, into: scratch.layerRows, scratch.sums)
    }
    if tabled.contains(.token) {
      averageRows(.token, context.previousToken, prior, into: scratch.tokenRows, scratch.sums)
    }
    scratch.activeInputs = inputs.count
    if parts.contains(.repeats) {
      scratch.context = context.fingerprint
      scratch.found = repeats.find(scratch.context)
      // `repeats` is the last input; where the context is new it would say no more than its
      // fallback, and is left out of the sum.
      if scratch.found < 0, mixes { scratch.activeInputs -= 1 }
    }
    if parts.contains(.jointPairs) {
      for j in 0..<lanes {
        scratch.meanRows[j] = (scratch.tokenRows[j] + scratch.layerRows[j]) / 2
      }
    }
    var index = 0
    while index < scratch.activeInputs {
      let out = scratch.inputs + index * lanes
      switch inputs[index] {
      case .frequency: out.update(from: prior, count: lanes)
      case .layer: out.update(from: scratch.layerRows, count: lanes)
      case .skip2: averageRows(.skip2, context.sameToken(2), prior, into: out, scratch.sums)
      case .skip3: averageRows(.skip3, context.sameToken(3), prior, into: out, scratch.sums)
      case .skip4: averageRows(.skip4, context.sameToken(4), prior, into: out, scratch.sums)
      case .token: out.update(from: scratch.tokenRows, count: lanes)
      case .request: histories.requestShare(place, prior, into: out)
      case .recent: histories.recentShare(place, prior, into: out)
      case .pairs:
        averagePairs(
          .pairs, context.sameToken(2), context.sameToken(1), scratch.layerRows, into: out)
      case .jointPairs:
        averagePairs(
          .jointPairs, context.sameToken(1), context.previousToken, scratch.meanRows, into: out)
      case .repeats: shareOfRepeats(scratch, scratch.layerRows, into: out)
      case .nearPaths: pathShare(votes, at, topK, prior, into: out)
      case .longPaths: pathShare(votes, at + 1, topK, prior, into: out)
      default: pathShare(votes, at + 2, topK, prior, into: out)
      }
      index += 1
    }
  }

  /// Replaces every part's probabilities by log odds of being among the chosen; those of `repeats`
  /// count from its fallback's.
  func stretch(topK: Float, _ scratch: EventScratch) {
    let values = scratch.activeInputs * lanes
    var j = 0
    while j < values {
      scratch.inputs[j] *= topK
      j += 1
    }
    FloatMath.stretch(scratch.inputs, count: values)
    guard parts.contains(.repeats), scratch.found >= 0 else { return }
    let own = scratch.inputs + (values - lanes)
    let fallback = scratch.layerRows
    for j in 0..<lanes { fallback[j] *= topK }
    FloatMath.stretch(fallback, count: lanes)
    for j in 0..<lanes { own[j] -= fallback[j] }
  }

  /// Writes `P0(j) = (c[j] + 1/2) / (sum c + E/2)`.
  private func fillPrior(_ prior: UnsafeMutablePointer<Float>) {
    let lanes = lanes
    let experts = experts
    frequency.withView { view in
      let share = 1 / (Float(Int32(bitPattern: view.totals[0])) + Float(experts) / 2)
      var j = 0
      while j < lanes {
        prior[j] = (Float(Int32(bitPattern: view.cells[j])) + 0.5) * share
        j += 1
      }
    }
  }

  /// `(1/K) sum over given of (T[i, j] + 2 P0(j)) / (sum T[i] + 2)`; `P0` where `given` is empty.
  private func averageRows(
    _ part: MixtureParts, _ given: ExpertSet, _ prior: UnsafeMutablePointer<Float>,
    into out: UnsafeMutablePointer<Float>, _ sums: UnsafeMutablePointer<Float>
  ) {
    let lanes = lanes
    guard given.count > 0 else {
      out.update(from: prior, count: lanes)
      return
    }
    rows[rowIndex(part)].withView { view in
      sums.update(repeating: 0, count: lanes)
      var priorShare: Float = 0
      var index = 0
      while index < given.count {
        priorShare += view.add(given[index], strength: 2, to: sums)
        index += 1
      }
      let scale = 1 / Float(given.count)
      var j = 0
      while j < lanes {
        out[j] = (sums[j] + priorShare * prior[j]) * scale
        j += 1
      }
    }
  }

  /// The mean over all pairs of `(T[a, b, j] + 3 prior(j)) / (sum T[a, b] + 3)`.
  private func averagePairs(
    _ part: MixtureParts, _ first: ExpertSet, _ second: ExpertSet,
    _ prior: UnsafeMutablePointer<Float>, into out: UnsafeMutablePointer<Float>
  ) {
    let lanes = lanes
    let experts = experts
    let count = first.count * second.count
    guard count > 0 else {
      out.update(from: prior, count: lanes)
      return
    }
    out.update(repeating: 0, count: lanes)
    pairs[pairIndex(part)].withView { view in
      var priorShare: Float = 0
      for a in 0..<first.count {
        for b in 0..<second.count {
          let row = view.find(first[a] * experts + second[b])
          priorShare += row < 0 ? 1 : view.rows.add(row, strength: 3, to: out)
        }
      }
      let scale = 1 / Float(count)
      var j = 0
      while j < lanes {
        out[j] = (out[j] + priorShare * prior[j]) * scale
        j += 1
      }
    }
  }

  /// `(n(j) + 0.5 prior(j)) / (sum n + 0.5)`, n counted in the sets that the context keeps.
  private func shareOfRepeats(
    _ scratch: EventScratch, _ prior: UnsafeMutablePointer<Float>,
    into out: UnsafeMutablePointer<Float>
  ) {
    let lanes = lanes
    guard scratch.found >= 0 else {
      out.update(from: prior, count: lanes)
      return
    }
    out.update(repeating: 0, count: lanes)
    let total = repeats.count(scratch.found, into: out)
    let share = 1 / (Float(total) + 0.5)
    var j = 0
    while j < lanes {
      out[j] = (out[j] + 0.5 * prior[j]) * share
      j += 1
    }
  }

  /// What the stored paths' voters chose, as shares of `topK` experts, and the prior where they are
  /// few.
  private func pathShare(
    _ votes: PathVotes?, _ at: Int, _ topK: Float, _ prior: UnsafeMutablePointer<Float>,
    into out: UnsafeMutablePointer<Float>
  ) {
    guard let votes else { return }
    let own = votes.votes + at * lanes
    let share = 1 / (topK * (votes.weights[at] + 0.5))
    let priorShare = 0.5 * topK * share
    var j = 0
    while j < lanes {
      out[j] = own[j] * share + prior[j] * priorShare
      j += 1
    }
  }
}
