import CProcessor

/// The hot loops. Every pointer covers `experts` values or, for those of an event, top-k.
extension EventScorer {
  /// By their counts, which are integers and so exact.
  func scoreFrequency(_ chosen: ExpertSet, _ counts: CountsView) -> Double? {
    // Signed: counts fit, and vectors compare signed integers in one instruction.
    let cells = UnsafeRawPointer(counts.cellsBase).assumingMemoryBound(to: Int32.self)
    let total = 1 / (Double(counts.totals[0]) + Double(experts) / 2)
    var mean = MeanLog2()
    var slot = 0
    while slot < chosen.count {
      let expert = chosen[slot]
      let own = cells[expert]
      var above: Int32 = 0
      var j = 0
      while j < expert {
        above &-= cells[j] > own &- 1 ? -1 : 0
        j &+= 1
      }
      while j < experts {
        above &-= cells[j] > own ? -1 : 0
        j &+= 1
      }
      ranks[slot] = above
      mean.add((Double(own) + 0.5) * total)
      slot &+= 1
    }
    return mean.value
  }

  /// By `sum over i of w[i] T[i, j] + 2 P0(j) sum over i of w[i]` with `w[i] = 1 / (sum T[i] + 2)`.
  ///
  /// All terms are positive, so a score's relative error is below `(K + 6) 2^-24`.
  func scoreMean(
    _ chosen: ExpertSet, given: ExpertSet, in table: CountTables, _ counts: CountsView
  ) -> Double? {
    let weight = take(given, of: table, counts)
    let unit = 1 / (Double(counts.totals[0]) + Double(experts) / 2)
    let priorWeight = 2 * weight * unit
    sumRows(given.count, frequency: counts.cellsBase, priorWeight: Float(priorWeight))
    rank(chosen, band: Int32(3 * (given.count + 6))) { j, expert in
      precedes(j, expert, given: given, in: table, counts)
    }
    let share = 1 / Double(given.count)
    var mean = MeanLog2()
    var slot = 0
    while slot < chosen.count {
      mean.add(weigh(chosen[slot], given.count, priorWeight, counts) * share)
      slot &+= 1
    }
    return mean.value
  }

  /// One expert's score in double precision, as two sums side by side.
  @inline(__always)
  private func weigh(
    _ expert: Int, _ count: Int, _ priorWeight: Double, _ counts: CountsView
  ) -> Double {
    var sum = (Double(Int32(bitPattern: counts.cells[expert])) + 0.5) * priorWeight
    var other = 0.0
    var index = 0
    while index &+ 2 <= count {
      sum += weights[index] * Double(Int32(bitPattern: rows[index][expert]))
      other += weights[index &+ 1] * Double(Int32(bitPattern: rows[index &+ 1][expert]))
      index &+= 2
    }
    if index < count { sum += weights[index] * Double(Int32(bitPattern: rows[index][expert])) }
    return sum + other
  }

  /// By `P0(j) times the product over i of (T[i, j] / P0(j) + 2) w[i]`, normalised in double
  /// precision.
  func scoreProduct(
    _ chosen: ExpertSet, given: ExpertSet, in table: CountTables, _ counts: CountsView
  ) -> Double? {
    _ = take(given, of: table, counts)
    let total = Double(counts.totals[0]) + Double(experts) / 2
    multiplyRows(given.count, frequency: counts.cellsBase, total: total)
    let scale = 1 / sum(products)
    var mean = MeanLog2()
    var slot = 0
    while slot < chosen.count {
      let probability = products[chosen[slot]] * scale
      guard probability >= Self.smallest else { return nil }
      mean.add(probability)
      slot &+= 1
    }
    var j = 0
    while j < experts {
      scores[j] = Float(products[j] * scale)
      j &+= 1
    }
    // One rounding to single precision; the double's errors are far below it.
    var isDecided = true
    rank(chosen, band: 3) { j, expert in
      if !isEqual(j, expert, given: given, counts) { isDecided = false }
      return j < expert
    }
    return isDecided ? mean.value : nil
  }

  /// Ranks by `scores`, asking `precedes` about experts within `band` units in the last place.
  @inline(__always)
  private func rank(
    _ chosen: ExpertSet, band: Int32, precedes: (_ expert: Int, _ chosen: Int) -> Bool
  ) {
    // Positive floats order as their bit patterns do.
    let keys = UnsafeRawPointer(scores).assumingMemoryBound(to: Int32.self)
    var slot = 0
    while slot < chosen.count {
      let expert = chosen[slot]
      let upper = keys[expert] &+ band
      // One below the band: `>` is one instruction on vectors, `>=` is two.
      let below = keys[expert] &- band &- 1
      var above: Int32 = 0
      var near: Int32 = 0
      var j = 0
      while j < experts {
        above &-= keys[j] > upper ? -1 : 0
        near &-= keys[j] > below ? -1 : 0
        j &+= 1
      }
      if near != above &+ 1 {
        above &+= resolve(
          expert, from: below, to: upper, others: near &- above &- 1, precedes: precedes)
      }
      ranks[slot] = above
      slot &+= 1
    }
  }

  /// How many of the experts with keys above `below` and up to `upper`, which are `others` beside
  /// `expert`, stand before it.
  @inline(__always)
  private func resolve(
    _ expert: Int, from below: Int32, to upper: Int32, others: Int32,
    precedes: (_ expert: Int, _ chosen: Int) -> Bool
  ) -> Int32 {
    let keys = UnsafeRawPointer(scores).assumingMemoryBound(to: Int32.self)
    var before: Int32 = 0
    var open = others
    var j = 0
    while open > 0, j < experts {
      // Blocks without such an expert are passed over.
      let block = keys + j
      var some: Int32 = 0
      var at = 0
      while at < Self.block {
        some &-= block[at] > below ? -1 : 0
        some &+= block[at] > upper ? -1 : 0
        at &+= 1
      }
      if some != 0 {
        at = 0
        while at < Self.block {
          if block[at] > below, block[at] <= upper, j &+ at != expert {
            before &+= precedes(j &+ at, expert) ? 1 : 0
            open &-= 1
          }
          at &+= 1
        }
      }
      j &+= Self.block
    }
    return before
  }

  /// Notes the rows of `given` and their weights `1 / (sum + 2)`, and returns the weights' sum.
  @inline(__always)
  private func take(_ given: ExpertSet, of table: CountTables, _ counts: CountsView) -> Double {
    var sum = 0.0
    var index = 0
    while index < given.count {
      let row = counts.rowPlace(table, given[index])
      rows[index] = UnsafePointer(counts.cellsBase + row.base)
      weights[index] = Double(Int64(bitPattern: counts.totals[row.total])) + 2
      index &+= 1
    }
    // Divisions of their own: several at once.
    index = 0
    while index < given.count {
      weights[index] = 1 / weights[index]
      index &+= 1
    }
    index = 0
    while index < given.count {
      sum += weights[index]
      index &+= 1
    }
    return sum
  }

  private func sumRows(
    _ count: Int, frequency: UnsafePointer<UInt32>, priorWeight: Float
  ) {
    var index = 0
    if count >= 8 {
      sumEightRows(frequency: frequency, priorWeight: priorWeight)
      index = 8
    } else if count >= 4 {
      sumFourRows(frequency: frequency, priorWeight: priorWeight)
      index = 4
    } else {
      let row = rows[0]
      let weight = Float(weights[0])
      let scores = scores
      var j = 0
      while j < experts {
        scores[j] =
          priorWeight * (Float(Int32(bitPattern: frequency[j])) + 0.5)
          + weight * Float(Int32(bitPattern: row[j]))
        j &+= 1
      }
      index = 1
    }
    while index < count {
      addRow(rows[index], Float(weights[index]))
      index &+= 1
    }
  }

  private func addRow(_ row: UnsafePointer<UInt32>, _ weight: Float) {
    let scores = scores
    var j = 0
    while j < experts {
      scores[j] = processor_multiply_add(weight, Float(Int32(bitPattern: row[j])), scores[j])
      j &+= 1
    }
  }

  private func sumFourRows(frequency: UnsafePointer<UInt32>, priorWeight: Float) {
    let scores = scores
    let (a, b, c, d) = (rows[0], rows[1], rows[2], rows[3])
    let (wa, wb) = (Float(weights[0]), Float(weights[1]))
    let (wc, wd) = (Float(weights[2]), Float(weights[3]))
    var j = 0
    while j < experts {
      var sum = priorWeight * (Float(Int32(bitPattern: frequency[j])) + 0.5)
      sum = processor_multiply_add(wa, Float(Int32(bitPattern: a[j])), sum)
      sum = processor_multiply_add(wb, Float(Int32(bitPattern: b[j])), sum)
      sum = processor_multiply_add(wc, Float(Int32(bitPattern: c[j])), sum)
      sum = processor_multiply_add(wd, Float(Int32(bitPattern: d[j])), sum)
      scores[j] = sum
      j &+= 1
    }
  }

  private func sumEightRows(frequency: UnsafePointer<UInt32>, priorWeight: Float) {
    let scores = scores
    let (a, b, c, d) = (rows[0], rows[1], rows[2], rows[3])
    let (e, f, g, h) = (rows[4], rows[5], rows[6], rows[7])
    let (wa, wb) = (Float(weights[0]), Float(weights[1]))
    let (wc, wd) = (Float(weights[2]), Float(weights[3]))
    let (we, wf) = (Float(weights[4]), Float(weights[5]))
    let (wg, wh) = (Float(weights[6]), Float(weights[7]))
    var j = 0
    while j < experts {
      var sum = priorWeight * (Float(Int32(bitPattern: frequency[j])) + 0.5)
      sum = processor_multiply_add(wa, Float(Int32(bitPattern: a[j])), sum)
      sum = processor_multiply_add(wb, Float(Int32(bitPattern: b[j])), sum)
      sum = processor_multiply_add(wc, Float(Int32(bitPattern: c[j])), sum)
      sum = processor_multiply_add(wd, Float(Int32(bitPattern: d[j])), sum)
      sum = processor_multiply_add(we, Float(Int32(bitPattern: e[j])), sum)
      sum = processor_multiply_add(wf, Float(Int32(bitPattern: f[j])), sum)
      sum = processor_multiply_add(wg, Float(Int32(bitPattern: g[j])), sum)
      sum = processor_multiply_add(wh, Float(Int32(bitPattern: h[j])), sum)
      scores[j] = sum
      j &+= 1
    }
  }

  private func multiplyRows(_ count: Int, frequency: UnsafePointer<UInt32>, total: Double) {
    let products = products
    let inverses = inverses
    let share = 1 / total
    var j = 0
    while j < experts {
      products[j] = (Double(Int32(bitPattern: frequency[j])) + 0.5) * share
      j &+= 1
    }
    var index = 0
    while index &+ 2 <= count {
      let (a, b) = (rows[index], rows[index &+ 1])
      let scale = weights[index] * weights[index &+ 1]
      j = 0
      while j < experts {
        let inverse = inverses[j] * total
        let one = Double(Int32(bitPattern: a[j])) * inverse + 2
        let other = Double(Int32(bitPattern: b[j])) * inverse + 2
        products[j] *= one * other * scale
        j &+= 1
      }
      index &+= 2
    }
    if index < count {
      let row = rows[index]
      let weight = weights[index]
      j = 0
      while j < experts {
        products[j] *= (Double(Int32(bitPattern: row[j])) * (inverses[j] * total) + 2) * weight
        j &+= 1
      }
    }
  }

  private func sum(_ values: UnsafeMutablePointer<Double>) -> Double {
    var lanes = SIMD8<Double>.zero
    let raw = UnsafeRawPointer(values)
    var j = 0
    while j &+ 8 <= experts {
      lanes += raw.loadUnaligned(fromByteOffset: j &* 8, as: SIMD8<Double>.self)
      j &+= 8
    }
    var sum = lanes.sum()
    while j < experts {
      sum += values[j]
      j &+= 1
    }
    return sum
  }

  /// Whether the formula gives both experts the same probability because their counts are the same.
  private func isEqual(_ j: Int, _ expert: Int, given: ExpertSet, _ counts: CountsView) -> Bool {
    guard counts.cells[j] == counts.cells[expert] else { return false }
    var index = 0
    while index < given.count {
      if rows[index][j] != rows[index][expert] { return false }
      index &+= 1
    }
    return true
  }

  /// Whether `j` stands before `expert` in the order of the exact means.
  private func precedes(
    _ j: Int, _ expert: Int, given: ExpertSet, in table: CountTables, _ counts: CountsView
  ) -> Bool {
    if isEqual(j, expert, given: given, counts) { return j < expert }
    let other = counts.averageRows(table, given: given, expert: j)
    let own = counts.averageRows(table, given: given, expert: expert)
    return other > own || (other == own && j < expert)
  }
}
