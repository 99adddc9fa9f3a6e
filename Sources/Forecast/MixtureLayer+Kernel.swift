import RoutingTrace

/// The kernel of the mixture: forecasts, scores and learns the events of one layer in order.
///
/// Unsafe: pointers into the tables for the length of a call; ids were checked by ``TokenBlock``,
/// owners' slots are below what ``reserve(requests:)`` made room for.
extension MixtureLayer {
  /// - Parameters:
  ///   - votes: of the paths, for the tokens of `range`; nil where no part needs them.
  ///   - score: called with every token and the probabilities of its experts.
  mutating func process(
    _ view: LayerView, range: Range<Int>, owners: [RequestSlots.Owner], votes: PathVotes?,
    options: MixtureOptions, learns: Bool,
    score: (Event, UnsafeMutableBufferPointer<Double>) -> Void
  ) {
    let scratch = EventScratch(
      experts: experts, lanes: lanes, inputs: inputs.count, topK: view.topK)
    for token in range {
      let event = view.event(token)
      let owner = owners[token]
      let context = EventContext(event, horizon: options.horizon, isFresh: owner.isFresh)
      if owner.isFresh { forget(Int(owner.slot)) }
      fillInputs(
        context, owner, topK: Float(view.topK), votes: votes,
        at: votes.map { $0.index(layer: view.layer, token: token - range.lowerBound) } ?? 0,
        scratch)
      let linearRows = listLinearRows(context, owner, usesTasks: options.usesTasks, scratch)
      if mixes {
        stretch(topK: Float(view.topK), scratch)
        mix(linearRows, scratch)
      } else {
        scratch.chances.update(from: scratch.inputs, count: lanes)
      }
      normalise(scratch)
      score(event, scratch.probabilities)
      if event.chosen.count == 0 { continue }
      if learns {
        if mixes {
          learnWeights(event.chosen, linearRows, topK: Float(view.topK), scratch)
        }
        learnCounts(context, event.chosen)
      }
      note(event.chosen, Int(owner.slot))
    }
  }

  private mutating func forget(_ slot: Int) {
    for j in slot * lanes..<(slot + 1) * lanes {
      if !requestCounts.isEmpty { requestCounts[j] = 0 }
      if !recentCounts.isEmpty { recentCounts[j] = 0 }
    }
  }

  /// Remembers what a request chose, whether or not the model learns.
  private mutating func note(_ chosen: ExpertSet, _ slot: Int) {
    let lanes = lanes
    if !requestCounts.isEmpty {
      for index in 0..<chosen.count { requestCounts[slot * lanes + chosen[index]] += 1 }
    }
    guard !recentCounts.isEmpty else { return }
    recentCounts.withUnsafeMutableBufferPointer { counts in
      let own = counts.baseAddress.unsafelyUnwrapped + slot * lanes
      var j = 0
      while j < lanes {
        own[j] *= Self.recentKeep
        j += 1
      }
      for index in 0..<chosen.count { own[chosen[index]] += 1 }
    }
  }

  /// Writes every part's probability of every expert.
  private mutating func fillInputs(
    _ context: EventContext, _ owner: RequestSlots.Owner, topK: Float, votes: PathVotes?, at: Int,
    _ scratch: EventScratch
  ) {
    let lanes = lanes
    let prior = scratch.prior
    fillPrior(prior)
    let tabled = Self.tabled(parts)
    if tabled.contains(.layer) {
      averageRows(.layer, context.back1, prior, into: scratch.layerRows, scratch.sums)
    }
    if tabled.contains(.token) {
      averageRows(.token, context.token, prior, into: scratch.tokenRows, scratch.sums)
    }
    if !parts.isDisjoint(with: [.jointPairs, .repeats]) {
      for j in 0..<lanes {
        scratch.meanRows[j] = (scratch.tokenRows[j] + scratch.layerRows[j]) / 2
      }
    }
    var index = 0
    while index < inputs.count {
      let out = scratch.inputs + index * lanes
      switch inputs[index] {
      case .frequency: out.update(from: prior, count: lanes)
      case .layer: out.update(from: scratch.layerRows, count: lanes)
      case .skip2: averageRows(.skip2, context.back2, prior, into: out, scratch.sums)
      case .skip3: averageRows(.skip3, context.back3, prior, into: out, scratch.sums)
      case .skip4: averageRows(.skip4, context.back4, prior, into: out, scratch.sums)
      case .token: out.update(from: scratch.tokenRows, count: lanes)
      case .request: requestShare(Int(owner.slot), prior, into: out)
      case .recent: recentShare(Int(owner.slot), prior, into: out)
      case .pairs:
        averagePairs(.pairs, context.back2, context.back1, scratch.layerRows, into: out)
      case .jointPairs:
        averagePairs(.jointPairs, context.back1, context.token, scratch.meanRows, into: out)
      case .repeats: shareOfRepeats(context, scratch.meanRows, into: out)
      case .nearPaths: pathShare(votes, at, topK, prior, into: out)
      case .longPaths: pathShare(votes, at + 1, topK, prior, into: out)
      default: pathShare(votes, at + 2, topK, prior, into: out)
      }
      index += 1
    }
  }

  /// Replaces every part's probabilities by log odds of being among the chosen.
  private func stretch(topK: Float, _ scratch: EventScratch) {
    let values = inputs.count * lanes
    var j = 0
    while j < values {
      scratch.inputs[j] *= topK
      j += 1
    }
    FloatMath.stretch(scratch.inputs, count: values)
  }

  private mutating func fillPrior(_ prior: UnsafeMutablePointer<Float>) {
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
  private mutating func averageRows(
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
  private mutating func averagePairs(
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

  /// `(T[context, j] + 0.5 prior(j)) / (sum T[context] + 0.5)`.
  private mutating func shareOfRepeats(
    _ context: EventContext, _ prior: UnsafeMutablePointer<Float>,
    into out: UnsafeMutablePointer<Float>
  ) {
    let lanes = lanes
    out.update(repeating: 0, count: lanes)
    pairs[pairIndex(.repeats)].withView { view in
      let row = view.find(context.fingerprint)
      let priorShare = row < 0 ? 1 : view.rows.add(row, strength: 0.5, to: out)
      var j = 0
      while j < lanes {
        out[j] += priorShare * prior[j]
        j += 1
      }
    }
  }

  private func requestShare(
    _ slot: Int, _ prior: UnsafeMutablePointer<Float>, into out: UnsafeMutablePointer<Float>
  ) {
    let first = slot * lanes
    var total: UInt32 = 0
    for j in 0..<lanes { total &+= requestCounts[first + j] }
    let share = 1 / (Float(total) + 4)
    for j in 0..<lanes { out[j] = (Float(requestCounts[first + j]) + 4 * prior[j]) * share }
  }

  private func recentShare(
    _ slot: Int, _ prior: UnsafeMutablePointer<Float>, into out: UnsafeMutablePointer<Float>
  ) {
    let lanes = lanes
    recentCounts.withUnsafeBufferPointer { counts in
      let own = counts.baseAddress.unsafelyUnwrapped + slot * lanes
      var sums = SIMD8<Float>()
      var j = 0
      while j < lanes {
        sums += own.eight(j)
        j += 8
      }
      let share = 1 / (sums.total + 1)
      j = 0
      while j < lanes {
        out[j] = (own[j] + prior[j]) * share
        j += 1
      }
    }
  }

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

  /// Lists the rows of the linear part that the event looks at.
  private func listLinearRows(
    _ context: EventContext, _ owner: RequestSlots.Owner, usesTasks: Bool, _ scratch: EventScratch
  ) -> Int {
    guard parts.contains(.linear) else { return 0 }
    var count = 0
    func list(_ group: Int, _ set: ExpertSet) {
      for index in 0..<set.count {
        scratch.linearRows[count] = group * experts + set[index]
        scratch.linearScales[count] = scratch.slotScales[index]
        count += 1
      }
    }
    list(0, context.back1)
    list(1, context.back2)
    list(2, context.back3)
    list(3, context.back4)
    list(4, context.token)
    list(5, context.tokenAfter)
    list(6, context.tokenBefore)
    if usesTasks, owner.task > 0 {
      scratch.linearRows[count] = Self.groups * experts + Int(owner.task) - 1
      scratch.linearScales[count] = 1
      count += 1
    }
    scratch.linearRows[count] = linearVisits.count - 1
    scratch.linearScales[count] = 1
    return count + 1
  }

  /// The weighted sum of the inputs and the linear part's rows, squashed.
  private func mix(_ linearRows: Int, _ scratch: EventScratch) {
    let lanes = lanes
    let odds = scratch.chances
    weights.withUnsafeBufferPointer { weights in
      linear.withUnsafeBufferPointer { linear in
        let base = linear.baseAddress.unsafelyUnwrapped
        var lane = 0
        while lane < lanes {
          var sum = SIMD8<Float>()
          var index = 0
          while index < weights.count {
            sum += scratch.inputs.eight(index &* lanes &+ lane) * weights[index]
            index += 1
          }
          var row = 0
          while row < linearRows {
            sum +=
              base.eight(scratch.linearRows[row] &* lanes &+ lane) * scratch.linearScales[row]
            row += 1
          }
          odds.put(sum, lane)
          lane += 8
        }
      }
    }
    var j = 0
    while j < lanes {
      let low = odds[j] > -20 ? odds[j] : -20
      odds[j] = low < 20 ? low : 20
      j += 1
    }
    FloatMath.squash(odds, count: lanes)
  }

  /// Brings the experts' chances to sum 1.
  private func normalise(_ scratch: EventScratch) {
    let lanes = lanes
    let chances = scratch.chances
    var j = experts
    while j < lanes {
      chances[j] = 0
      j += 1
    }
    var sums = SIMD8<Float>()
    j = 0
    while j < lanes {
      sums += chances.eight(j)
      j += 8
    }
    let share = 1 / Double(sums.total)
    j = 0
    while j < experts {
      scratch.probabilities[j] = Double(chances[j]) * share
      j += 1
    }
  }

  /// Moves the weights and the linear part along the gradient of the log likelihood that every expert
  /// is, or is not, among the chosen.
  private mutating func learnWeights(
    _ chosen: ExpertSet, _ linearRows: Int, topK: Float, _ scratch: EventScratch
  ) {
    let lanes = lanes
    let errors = scratch.errors
    let chances = scratch.chances
    let share = 1 / topK
    var j = 0
    while j < lanes {
      errors[j] = -chances[j] * share
      j += 1
    }
    for index in 0..<chosen.count { errors[chosen[index]] += share }
    for index in weights.indices {
      var sums = SIMD8<Float>()
      var j = 0
      while j < lanes {
        sums += errors.eight(j) * scratch.inputs.eight(index &* lanes &+ j)
        j += 8
      }
      let gradient = sums.total
      let mean = 0.999 * power[index] + 0.001 * gradient * gradient
      power[index] = mean
      weights[index] += Self.weightStep * gradient / (mean.squareRoot() + 1e-9)
    }
    guard linearRows > 0 else { return }
    linear.withUnsafeMutableBufferPointer { linear in
      linearVisits.withUnsafeMutableBufferPointer { visits in
        let base = linear.baseAddress.unsafelyUnwrapped
        var index = 0
        while index < linearRows {
          let row = scratch.linearRows[index]
          let isBias = index == linearRows - 1
          let ratio = 1 + Float(visits[row]) / Self.linearVisits
          let step =
            isBias
            ? Self.biasStep
            : Self.linearStep * scratch.linearScales[index] / ratio.squareRoot().squareRoot()
          if visits[row] < .max { visits[row] += 1 }
          let own = base + row * lanes
          var j = 0
          while j < lanes {
            own.put(own.eight(j) + errors.eight(j) * step, j)
            j += 8
          }
          index += 1
        }
      }
    }
  }

  private mutating func learnCounts(_ context: EventContext, _ chosen: ExpertSet) {
    frequency.withView { $0.learn(0, chosen) }
    for part in Self.rowParts where Self.tabled(parts).contains(part) {
      let given: ExpertSet =
        switch part {
        case .layer: context.back1
        case .skip2: context.back2
        case .skip3: context.back3
        case .skip4: context.back4
        default: context.token
        }
      rows[rowIndex(part)].withView { view in
        for index in 0..<given.count { view.learn(given[index], chosen) }
      }
    }
    if parts.contains(.pairs) { learnPairs(.pairs, context.back2, context.back1, chosen) }
    if parts.contains(.repeats) {
      pairs[pairIndex(.repeats)].withView { view in
        view.rows.learn(view.claim(context.fingerprint), chosen)
      }
    }
    if parts.contains(.jointPairs) { learnPairs(.jointPairs, context.back1, context.token, chosen) }
  }

  private mutating func learnPairs(
    _ part: MixtureParts, _ first: ExpertSet, _ second: ExpertSet, _ chosen: ExpertSet
  ) {
    let experts = experts
    pairs[pairIndex(part)].withView { view in
      for a in 0..<first.count {
        for b in 0..<second.count {
          view.rows.learn(view.claim(first[a] * experts + second[b]), chosen)
        }
      }
    }
  }

  @inline(__always)
  private func rowIndex(_ part: MixtureParts) -> Int {
    let kept = Self.tabled(parts).rawValue & (part.rawValue &- 1)
    return (kept & Self.rowMask).nonzeroBitCount
  }

  @inline(__always)
  private func pairIndex(_ part: MixtureParts) -> Int {
    (parts.rawValue & (part.rawValue &- 1) & Self.pairMask).nonzeroBitCount
  }

  private static let pairMask: UInt32 = pairParts.reduce(0) { $0 | $1.rawValue }
  private static let rowMask: UInt32 = rowParts.reduce(0) { $0 | $1.rawValue }
}
