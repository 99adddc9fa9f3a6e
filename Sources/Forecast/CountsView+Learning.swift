import RoutingTrace

/// Counting, the hot loops. Counts stay below ``LayerCounts/maximumTokens``, which the learner checks
/// a chunk at a time.
extension CountsView {
  /// Counts the events of `tokens`, which must be the layer's.
  func learn(_ view: LayerView, tokens: Range<Int>) {
    // Loops over a top-k known here unroll; these are those of the models that people run.
    switch view.isFull ? view.topK : 0 {
    case 1: learn(view, tokens, TopK<1>())
    case 2: learn(view, tokens, TopK<2>())
    case 4: learn(view, tokens, TopK<4>())
    case 6: learn(view, tokens, TopK<6>())
    case 8: learn(view, tokens, TopK<8>())
    default: learn(view, tokens, TopK<0>())
    }
  }

  private func learn<let constant: Int>(
    _ view: LayerView, _ tokens: Range<Int>, _ topK: TopK<constant>
  ) {
    // Kept out of memory, where every event would wait for the sum before.
    var total = totals[0]
    let view = view.counted(topK)
    var token = tokens.lowerBound
    while token < tokens.upperBound {
      total &+= count(view.event(token))
      token &+= 1
    }
    totals[0] = total
  }

  /// Counts an event: `c`, and the pair tables where there is something to pair it with.
  @inline(__always)
  public func learn(_ event: Event) { totals[0] &+= count(event) }

  /// The same but for the sum of `c`, which grows by what is returned.
  @inline(__always)
  private func count(_ event: Event) -> UInt64 {
    let chosen = event.chosen
    guard chosen.count > 0, let ids = chosen.first else { return 0 }
    let cells = cellsBase
    var slot = 0
    while slot < chosen.count {
      cells[Int(ids[slot])] &+= 1
      slot &+= 1
    }
    if tables.contains(.layerPairs), let given = event.earlierLayer(1).first {
      Table(.layerPairs, of: self)
        .learn(ids, given: given, chosen.count, event.earlierLayer(1).count)
    }
    if tables.contains(.tokenPairs), let given = event.previousToken.first {
      Table(.tokenPairs, of: self)
        .learn(ids, given: given, chosen.count, event.previousToken.count)
    }
    return UInt64(truncatingIfNeeded: chosen.count)
  }

  /// One pair table: its rows and their sums.
  private struct Table {
    let rows: UnsafeMutablePointer<UInt32>
    let sums: UnsafeMutablePointer<UInt64>
    let experts: Int

    @inline(__always)
    init(_ table: CountTables, of counts: CountsView) {
      let place = counts.rowPlace(table, 0)
      rows = counts.cellsBase + place.base
      sums = counts.totals.baseAddress.unsafelyUnwrapped + place.total
      experts = counts.experts
    }

    /// Counts every pair of `given` and `chosen`.
    @inline(__always)
    func learn(
      _ chosen: UnsafePointer<UInt16>, given: UnsafePointer<UInt16>,
      _ chosenCount: Int, _ givenCount: Int
    ) {
      var index = 0
      while index < givenCount {
        sums[Int(given[index])] &+= UInt64(chosenCount)
        index &+= 1
      }
      // Four ids stay in registers while the rows pass by.
      var slot = 0
      while slot &+ 4 <= chosenCount {
        let (a, b) = (Int(chosen[slot]), Int(chosen[slot &+ 1]))
        let (c, d) = (Int(chosen[slot &+ 2]), Int(chosen[slot &+ 3]))
        index = 0
        while index < givenCount {
          let row = rows + Int(given[index]) &* experts
          row[a] &+= 1
          row[b] &+= 1
          row[c] &+= 1
          row[d] &+= 1
          index &+= 1
        }
        slot &+= 4
      }
      while slot < chosenCount {
        let id = Int(chosen[slot])
        index = 0
        while index < givenCount {
          rows[Int(given[index]) &* experts &+ id] &+= 1
          index &+= 1
        }
        slot &+= 1
      }
    }
  }
}
