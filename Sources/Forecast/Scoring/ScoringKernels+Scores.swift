import CVectorShims
import Counting

/// The hot loops. Every pointer covers `experts` values or, for those of an event, top-k.
extension ScoringKernels {
  /// Ranks the chosen experts for the rule `frequency`: by their counts, which are integers and so
  /// exact. Returns the mean log2 of their probabilities, within ``EventScorer/tolerance``.
  func scoreFrequency<let constant: Int>(
    _ chosen: ExpertSet, _ topK: TopK<constant>, _ counts: CountsView
  ) -> Double? {
    let chosen = chosen.counted(topK)
    // Signed: counts fit, and vectors compare signed integers in one instruction.
    let cells = UnsafeRawPointer(counts.cellsBase).assumingMemoryBound(to: Int32.self)
    let total = 1 / (Double(counts.totals[0]) + Double(experts) / 2)
    // A count's probability is above 2^-64, so eight of them stay within the range of a `Double`.
    var sum = 0.0
    var product = 1.0
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
      product *= (Double(own) + 0.5) * total
      slot &+= 1
      if slot & 7 == 0 || slot == chosen.count {
        sum += approximateLog2(product)
        product = 1
      }
    }
    return sum / Double(chosen.count)
  }

  /// Ranks the chosen experts for the rule `mean`, by scores
  /// `sum over i of w[i] T[i, j] + 2 P0(j) sum over i of w[i]` with `w[i] = 1 / (sum T[i] + 2)`,
  /// and returns the mean log2 of their probabilities; nil where the approximation cannot tell.
  ///
  /// All terms are positive, so a score's relative error is below `(K + 6) 2^-24`.
  func scoreMean<let constant: Int>(
    _ chosen: ExpertSet, given: ExpertSet, _ topK: TopK<constant>, in table: CountTables,
    _ counts: CountsView
  ) -> Double? {
    let (chosen, given) = (chosen.counted(topK), given.counted(topK))
    let weight = take(given, of: table, counts)
    let unit = 1 / (Double(counts.totals[0]) + Double(experts) / 2)
    let priorWeight = 2 * weight * unit
    // The loss is computed first: while the processor waits for its logarithm, it sums the rows.
    guard let mean = meanLog2(chosen, given.count, priorWeight, counts) else { return nil }
    sumRows(given.count, frequency: counts.cellsBase, priorWeight: Float(priorWeight))
    rank(
      chosen, topK, given: given.count, top: Float(given.count),
      band: Int32(3 * (given.count + 6)), counts
    ) { j, expert in
      let other = counts.averageRows(table, given: given, expert: j)
      let own = counts.averageRows(table, given: given, expert: expert)
      return other > own || (other == own && j < expert)
    }
    return mean - approximateLog2(Double(given.count))
  }

  /// The mean log2 of the scores of `chosen` in double precision, one logarithm for up to eight of
  /// them; nil where their product may be beyond a `Double`.
  @inline(__always)
  private func meanLog2(
    _ chosen: ExpertSet, _ count: Int, _ priorWeight: Double, _ counts: CountsView
  ) -> Double? {
    let frequency = counts.cellsBase
    var sum = 0.0
    var product = 1.0
    var slot = 0
    while slot < chosen.count {
      if slot &+ 4 <= chosen.count {
        // Four counts read side by side become one vector.
        let (a, b) = (chosen[slot], chosen[slot &+ 1])
        let (c, d) = (chosen[slot &+ 2], chosen[slot &+ 3])
        func cells(_ row: UnsafePointer<UInt32>) -> SIMD4<Double> {
          SIMD4(
            Double(Int32(bitPattern: row[a])), Double(Int32(bitPattern: row[b])),
            Double(Int32(bitPattern: row[c])), Double(Int32(bitPattern: row[d])))
        }
        var sums = (cells(frequency) + 0.5) * priorWeight
        var index = 0
        while index < count {
          sums += weights[index] * cells(rows[index])
          index &+= 1
        }
        product *= (sums[0] * sums[1]) * (sums[2] * sums[3])
        slot &+= 4
      } else {
        let expert = chosen[slot]
        var sum = (Double(Int32(bitPattern: frequency[expert])) + 0.5) * priorWeight
        var index = 0
        while index < count {
          sum += weights[index] * Double(Int32(bitPattern: rows[index][expert]))
          index &+= 1
        }
        product *= sum
        slot &+= 1
      }
      if slot & 7 == 0 || slot == chosen.count {
        guard product >= Self.smallestProduct else { return nil }
        sum += approximateLog2(product)
        product = 1
      }
    }
    return sum / Double(chosen.count)
  }

  /// Ranks the chosen experts for the rule `product`, by scores
  /// `P0(j) times the product over i of (T[i, j] / P0(j) + 2) w[i]`, normalised in double
  /// precision, and returns the mean log2 of their probabilities; nil where the approximation
  /// cannot tell.
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
    rank(chosen, TopK<0>(), given: given.count, top: 1, band: 3, counts) { _, _ in
      isDecided = false
      return false
    }
    return isDecided ? mean.value : nil
  }

  /// Notes the rows of `given` and their weights `1 / (sum + 2)`, and returns the weights' sum.
  @inline(__always)
  private func take(_ given: ExpertSet, of table: CountTables, _ counts: CountsView) -> Double {
    func total(_ index: Int) -> Double {
      let row = counts.rowPlace(table, given[index])
      rows[index] = counts.cellsBase + row.base
      return Double(Int64(bitPattern: counts.totals[row.total]))
    }
    var index = 0
    while index &+ 4 <= given.count {
      // Four divisions at once, of a vector that was never in memory: read as one from there, four
      // numbers just written would be waited for.
      let inverse =
        1 / (SIMD4(total(index), total(index &+ 1), total(index &+ 2), total(index &+ 3)) + 2)
      UnsafeMutableRawPointer(weights + index).storeBytes(of: inverse, as: SIMD4<Double>.self)
      index &+= 4
    }
    while index < given.count {
      weights[index] = 1 / (total(index) + 2)
      index &+= 1
    }
    // Two sums in turns: an addition waits for the one before it in the same sum.
    var (even, odd) = (0.0, 0.0)
    index = 0
    while index < given.count {
      if index & 1 == 0 { even += weights[index] } else { odd += weights[index] }
      index &+= 1
    }
    return even + odd
  }

  /// Writes `scores`: the prior's share, then rows by fours, so that their weights stay in
  /// registers.
  @inline(__always)
  private func sumRows(
    _ count: Int, frequency: UnsafePointer<UInt32>, priorWeight: Float
  ) {
    var index = 0
    if count >= 4 {
      addFourRows(0) { priorWeight * (Float(Int32(bitPattern: frequency[$0])) + 0.5) }
      index = 4
    } else {
      addRow(0) { priorWeight * (Float(Int32(bitPattern: frequency[$0])) + 0.5) }
      index = 1
    }
    let scores = scores
    while index &+ 4 <= count {
      addFourRows(index) { scores[$0] }
      index &+= 4
    }
    while index < count {
      addRow(index) { scores[$0] }
      index &+= 1
    }
  }

  /// Writes `scores`: what `sum` gives for an expert, and the row at `index` times its weight.
  @inline(__always)
  private func addRow(_ index: Int, to sum: (Int) -> Float) {
    let scores = scores
    let row = rows[index]
    let weight = Float(weights[index])
    var j = 0
    while j < experts {
      scores[j] = processor_multiply_add(weight, Float(Int32(bitPattern: row[j])), sum(j))
      j &+= 1
    }
  }

  /// Writes `scores`: what `sum` gives for an expert, and four rows from `first` on times their
  /// weights.
  @inline(__always)
  private func addFourRows(_ first: Int, to sum: (Int) -> Float) {
    let scores = scores
    let (a, b, c, d) = (rows[first], rows[first &+ 1], rows[first &+ 2], rows[first &+ 3])
    let (wa, wb) = (Float(weights[first]), Float(weights[first &+ 1]))
    let (wc, wd) = (Float(weights[first &+ 2]), Float(weights[first &+ 3]))
    var j = 0
    while j < experts {
      var sum = sum(j)
      sum = processor_multiply_add(wa, Float(Int32(bitPattern: a[j])), sum)
      sum = processor_multiply_add(wb, Float(Int32(bitPattern: b[j])), sum)
      sum = processor_multiply_add(wc, Float(Int32(bitPattern: c[j])), sum)
      sum = processor_multiply_add(wd, Float(Int32(bitPattern: d[j])), sum)
      scores[j] = sum
      j &+= 1
    }
  }

  /// Writes `products`: the prior times each row over the prior.
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

  /// The sum of all experts' values, in a fixed order.
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
}
