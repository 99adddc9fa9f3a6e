import Counting
import RoutingTrace

/// The kernel of the mixture, in two halves: the forecast of an event, which reads only, and what
/// is learnt from what was chosen. The pass over chunks does one after the other; a session does
/// the first alone.
///
/// Unsafe: pointers into the tables for the length of a call; ids were checked by
/// `RoutingTrace/TokenBlock`, owners' places are below what ``RequestHistories/reserve(places:)``
/// made room for.
extension MixtureLayer {
  /// Forecasts, scores and learns the events of a layer in order.
  ///
  /// - Parameters:
  ///   - votes: of the paths, for the tokens of `range`; nil where no part needs them.
  ///   - score: called with every token and the probabilities of its experts.
  mutating func process(
    _ view: LayerEvents, range: Range<Int>, owners: [TokenOwner], votes: PathVotes?,
    options: MixtureOptions, learns: Bool,
    score: (Event, UnsafeMutableBufferPointer<Double>) -> Void
  ) {
    let scratch = EventScratch(
      experts: experts, lanes: lanes, inputs: inputs.count, topK: view.topK)
    for token in range {
      let event = view.event(token)
      let owner = owners[token]
      let place = Int(owner.place)
      let isFresh = options.isFresh(owner)
      let context = EventContext(event, horizon: options.horizon, isFresh: isFresh)
      if isFresh { histories.forget(place) }
      forecast(
        context, place, task: options.usesTasks ? owner.task : 0, histories, votes: votes,
        at: votes.map { $0.index(layer: view.layer, token: token - range.lowerBound) } ?? 0,
        topK: Float(view.topK), scratch)
      score(event, scratch.probabilities)
      let chosen = event.chosen
      if chosen.count == 0 { continue }
      if learns { learn(context, chosen, topK: Float(view.topK), scratch) }
      histories.note(chosen, place)
    }
  }

  /// Writes the probabilities of an event's experts into `scratch`, and what ``learn(_:_:topK:_:)``
  /// wants of it.
  ///
  /// - Parameters:
  ///   - place: the request's in `histories`.
  ///   - task: 1 + the bucket of its task, or 0.
  ///   - at: where the event's votes begin.
  func forecast(
    _ context: EventContext, _ place: Int, task: Int32, _ histories: RequestHistories,
    votes: PathVotes?, at: Int, topK: Float, _ scratch: EventScratch
  ) {
    fillInputs(context, place, histories, topK: topK, votes: votes, at: at, scratch)
    listLinearRows(context, task: task, scratch)
    if mixes {
      stretch(topK: topK, scratch)
      mix(scratch)
    } else {
      scratch.chances.update(from: scratch.inputs, count: lanes)
    }
    normalise(scratch)
  }

  /// Learns what was chosen where `scratch` holds the forecast.
  mutating func learn(
    _ context: EventContext, _ chosen: ExpertSet, topK: Float, _ scratch: EventScratch
  ) {
    if mixes { learnWeights(chosen, topK: topK, scratch) }
    learnCounts(context, chosen, scratch)
  }

  /// The weighted sum of the inputs and the linear part's rows, squashed.
  private func mix(_ scratch: EventScratch) {
    let lanes = lanes
    let linearRows = scratch.linearRowCount
    let odds = scratch.chances
    weights.withUnsafeBufferPointer { weights in
      linear.withUnsafeBufferPointer { linear in
        let base = linear.baseAddress.unsafelyUnwrapped
        var lane = 0
        // Four sums at a time: one alone would wait for each addition.
        while lane + 32 <= lanes {
          var sum0 = SIMD8<Float>()
          var sum1 = SIMD8<Float>()
          var sum2 = SIMD8<Float>()
          var sum3 = SIMD8<Float>()
          @inline(__always)
          func add(_ values: UnsafePointer<Float>, _ scale: Float) {
            sum0 += values.eight(0) * scale
            sum1 += values.eight(8) * scale
            sum2 += values.eight(16) * scale
            sum3 += values.eight(24) * scale
          }
          var index = 0
          while index < scratch.activeInputs {
            add(scratch.inputs + (index &* lanes &+ lane), weights[index])
            index &+= 1
          }
          var row = 0
          while row < linearRows {
            add(base + (scratch.linearRows[row] &* lanes &+ lane), scratch.linearScales[row])
            row &+= 1
          }
          odds.put(sum0, lane)
          odds.put(sum1, lane &+ 8)
          odds.put(sum2, lane &+ 16)
          odds.put(sum3, lane &+ 24)
          lane &+= 32
        }
        while lane < lanes {
          var sum = SIMD8<Float>()
          var index = 0
          while index < scratch.activeInputs {
            sum += scratch.inputs.eight(index &* lanes &+ lane) * weights[index]
            index &+= 1
          }
          var row = 0
          while row < linearRows {
            sum +=
              base.eight(scratch.linearRows[row] &* lanes &+ lane) * scratch.linearScales[row]
            row &+= 1
          }
          odds.put(sum, lane)
          lane &+= 8
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

  /// Moves the weights and the linear part along the gradient of the log likelihood that every
  /// expert is, or is not, among the chosen.
  private mutating func learnWeights(
    _ chosen: ExpertSet, topK: Float, _ scratch: EventScratch
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
    for index in 0..<scratch.activeInputs {
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
    if scratch.linearRowCount > 0 { moveLinearRows(scratch) }
  }

  /// Counts what was chosen in the layer's own row and in the rows of every earlier choice that a
  /// part looks at.
  private mutating func learnCounts(
    _ context: EventContext, _ chosen: ExpertSet, _ scratch: EventScratch
  ) {
    frequency.withLearner { $0.learn(0, chosen) }
    for part in Self.rowParts where Self.tabled(parts).contains(part) {
      let given: ExpertSet =
        switch part {
        case .layer: context.sameToken(1)
        case .skip2: context.sameToken(2)
        case .skip3: context.sameToken(3)
        case .skip4: context.sameToken(4)
        default: context.previousToken
        }
      rows[rowIndex(part)].withLearner { view in
        for index in 0..<given.count { view.learn(given[index], chosen) }
      }
    }
    if parts.contains(.pairs) {
      learnPairs(.pairs, context.sameToken(2), context.sameToken(1), chosen)
    }
    repeats.learn(scratch.context, found: scratch.found, chosen)
    if parts.contains(.jointPairs) {
      learnPairs(.jointPairs, context.sameToken(1), context.previousToken, chosen)
    }
  }

  /// Counts what was chosen in the rows of all pairs of an expert of `first` and one of `second`.
  private mutating func learnPairs(
    _ part: MixtureParts, _ first: ExpertSet, _ second: ExpertSet, _ chosen: ExpertSet
  ) {
    let experts = experts
    pairs[pairIndex(part)].withLearner { view in
      for a in 0..<first.count {
        for b in 0..<second.count {
          view.rows.learn(view.claim(first[a] * experts + second[b]), chosen)
        }
      }
    }
  }

  /// Where the table of `part` stands in ``rows``.
  @inline(__always)
  func rowIndex(_ part: MixtureParts) -> Int {
    let kept = Self.tabled(parts).rawValue & (part.rawValue &- 1)
    return (kept & Self.rowMask).nonzeroBitCount
  }

  /// Where the table of `part` stands in ``pairs``.
  @inline(__always)
  func pairIndex(_ part: MixtureParts) -> Int {
    (parts.rawValue & (part.rawValue &- 1) & Self.pairMask).nonzeroBitCount
  }

  /// The bits of all parts that have a table of pairs.
  private static let pairMask: UInt32 = pairParts.reduce(0) { $0 | $1.rawValue }
  /// The bits of all parts that have a table of rows.
  private static let rowMask: UInt32 = rowParts.reduce(0) { $0 | $1.rawValue }
}
