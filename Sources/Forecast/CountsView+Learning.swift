import RoutingTrace

/// Counting, the hot loops. Counts stay below ``LayerCounts/maximumTokens``, which the learner checks
/// a chunk at a time.
extension CountsView {
  /// Counts every event of a layer.
  func learn(_ view: LayerView) {
    // Loops over a top-k known here unroll; these are those of the models that people run.
    switch view.isFull ? view.topK : 0 {
    case 1: learn(view, topK: 1)
    case 2: learn(view, topK: 2)
    case 4: learn(view, topK: 4)
    case 6: learn(view, topK: 6)
    case 8: learn(view, topK: 8)
    default:
      var token = 0
      while token < view.tokens {
        learn(view.event(token))
        token &+= 1
      }
    }
  }

  @inline(__always)
  private func learn(_ view: LayerView, topK: Int) {
    guard let ids = view.ids.baseAddress, let previous = view.previous.baseAddress else { return }
    let own = ids + view.layer &* view.rows &* topK
    let earlier = own - (view.layer > 0 ? view.rows &* topK : 0)
    let countsLayers = tables.contains(.layerPairs) && view.layer > 0
    let countsTokens = tables.contains(.tokenPairs)
    let layerTable = Table(.layerPairs, of: self)
    let tokenTable = Table(.tokenPairs, of: self)
    let cells = cellsBase
    var token = 0
    while token < view.tokens {
      let chosen = own + token &* topK
      var slot = 0
      while slot < topK {
        cells[Int(chosen[slot])] &+= 1
        slot &+= 1
      }
      if countsLayers { layerTable.learn(chosen, given: earlier + token &* topK, topK, topK) }
      if countsTokens, previous[token] >= 0 {
        tokenTable.learn(chosen, given: own + Int(previous[token]) &* topK, topK, topK)
      }
      token &+= 1
    }
    totals[0] &+= UInt64(view.tokens &* topK)
  }

  /// Counts an event: `c`, and the pair tables where there is something to pair it with.
  public func learn(_ event: Event) { learn(event, TopK<0>()) }

  @inline(__always)
  func learn<let constant: Int>(_ event: Event, _ topK: TopK<constant>) {
    let chosen = event.chosen.counted(topK)
    guard chosen.count > 0, let ids = chosen.first else { return }
    let cells = cellsBase
    var slot = 0
    while slot < chosen.count {
      cells[Int(ids[slot])] &+= 1
      slot &+= 1
    }
    totals[0] &+= UInt64(chosen.count)
    let (earlier, previous) = (event.earlierLayer(1), event.previousToken)
    if tables.contains(.layerPairs), let given = earlier.first {
      Table(.layerPairs, of: self)
        .learn(ids, given: given, chosen.count, earlier.counted(topK).count)
    }
    if tables.contains(.tokenPairs), let given = previous.first {
      Table(.tokenPairs, of: self)
        .learn(ids, given: given, chosen.count, previous.counted(topK).count)
    }
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
