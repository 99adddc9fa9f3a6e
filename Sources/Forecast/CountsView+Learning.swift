import RoutingTrace

/// Counting, the hot loops. Counts stay below ``LayerCounts/maximumTokens``, which the learner checks
/// a chunk at a time.
extension CountsView {
  /// Counts the events of `tokens`, which must be the layer's.
  func learn(_ view: LayerEvents, tokens: Range<Int>) {
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
    _ view: LayerEvents, _ tokens: Range<Int>, _ topK: TopK<constant>
  ) {
    guard view.ids.baseAddress != nil else { return }
    let view = view.counted(topK)
    // What is the same for every event is asked here and kept out of memory, where each would wait for
    // the writes of the one before.
    let cells = cellsBase
    let layerPairs = Table(.layerPairs, of: self)
    let hasLayerPairs = tables.contains(.layerPairs) && view.layer > 0
    var total: UInt64 = 0
    var token = tokens.lowerBound
    while token < tokens.upperBound {
      let event = view.event(token)
      total &+= Self.count(event.chosen, in: cells)
      if hasLayerPairs { layerPairs.learn(event.chosen, given: event.earlierLayer(1)) }
      token &+= 1
    }
    totals[0] &+= total
    guard tables.contains(.tokenPairs) else { return }
    // A pass of its own: two tables at once do not fit into the registers.
    let tokenPairs = Table(.tokenPairs, of: self)
    token = tokens.lowerBound
    while token < tokens.upperBound {
      let event = view.event(token)
      tokenPairs.learn(event.chosen, given: event.previousToken)
      token &+= 1
    }
  }

  /// Counts an event: `c`, and the pair tables where there is something to pair it with.
  @inline(__always)
  public func learn(_ event: Event) {
    let chosen = event.chosen
    totals[0] &+= Self.count(chosen, in: cellsBase)
    if tables.contains(.layerPairs) {
      Table(.layerPairs, of: self).learn(chosen, given: event.earlierLayer(1))
    }
    if tables.contains(.tokenPairs) {
      Table(.tokenPairs, of: self).learn(chosen, given: event.previousToken)
    }
  }

  /// Counts the experts chosen, and returns how many they are.
  @inline(__always)
  private static func count(_ chosen: ExpertSet, in cells: UnsafeMutablePointer<UInt32>) -> UInt64 {
    var slot = 0
    while slot < chosen.count {
      cells[chosen[slot]] &+= 1
      slot &+= 1
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
    func learn(_ chosen: ExpertSet, given: ExpertSet) {
      var index = 0
      while index < given.count {
        sums[given[index]] &+= UInt64(truncatingIfNeeded: chosen.count)
        index &+= 1
      }
      // Four ids stay in registers while the rows pass by.
      var slot = 0
      while slot &+ 4 <= chosen.count {
        let (a, b) = (chosen[slot], chosen[slot &+ 1])
        let (c, d) = (chosen[slot &+ 2], chosen[slot &+ 3])
        index = 0
        while index < given.count {
          let row = rows + given[index] &* experts
          row[a] &+= 1
          row[b] &+= 1
          row[c] &+= 1
          row[d] &+= 1
          index &+= 1
        }
        slot &+= 4
      }
      while slot &+ 2 <= chosen.count {
        let (a, b) = (chosen[slot], chosen[slot &+ 1])
        index = 0
        while index < given.count {
          let row = rows + given[index] &* experts
          row[a] &+= 1
          row[b] &+= 1
          index &+= 1
        }
        slot &+= 2
      }
      while slot < chosen.count {
        let id = chosen[slot]
        index = 0
        while index < given.count {
          rows[given[index] &* experts &+ id] &+= 1
          index &+= 1
        }
        slot &+= 1
      }
    }
  }
}
