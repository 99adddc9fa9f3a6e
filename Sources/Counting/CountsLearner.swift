import RoutingTrace

/// One layer's counts lent for counting: the hot loops that learn events.
/// ``LayerCounts/withLearner(_:)`` lends it.
///
/// ```swift
/// counts.withLearner { learner in
///   for token in 0..<events.tokens { learner.learn(events.event(token)) }
/// }
/// ```
///
/// Valid inside the closure that was lent it; what is written is seen in ``view`` at once. Counts
/// must stay below ``LayerCounts/maximumTokens``, which is not checked here: a learner asks before
/// each chunk.
public struct CountsLearner {
  /// The same counts for reading, such as by a forecast before each event is counted.
  public let view: CountsView
  /// The counts, in the order of ``CountsView``.
  @usableFromInline package let cells: UnsafeMutablePointer<UInt32>
  /// The sums of rows, in the order of ``CountsView``.
  @usableFromInline package let totals: UnsafeMutablePointer<UInt64>

  init(
    cells: UnsafeMutableBufferPointer<UInt32>, totals: UnsafeMutableBufferPointer<UInt64>,
    experts: Int, tables: CountTables
  ) {
    view = CountsView(
      cells: UnsafeBufferPointer(cells), totals: UnsafeBufferPointer(totals), experts: experts,
      tables: tables)
    // Neither buffer is empty, since a layer has at least one expert, and a sum.
    self.cells = cells.baseAddress.unsafelyUnwrapped
    self.totals = totals.baseAddress.unsafelyUnwrapped
  }

  /// Counts the events of `tokens`, which must be the layer's.
  func learn(_ events: LayerEvents, tokens: Range<Int>) {
    Pass(counts: self, events: events, tokens: tokens).run(unrolledBy: events.knownTopK)
  }

  /// The loop over events as work that is unrolled by top-k.
  private struct Pass: TopKWork {
    let counts: CountsLearner
    let events: LayerEvents
    let tokens: Range<Int>

    func run<let constant: Int>(_ topK: TopK<constant>) { counts.learn(events, tokens, topK) }
  }

  /// Counts events one after another, their top-k known or not.
  private func learn<let constant: Int>(
    _ events: LayerEvents, _ tokens: Range<Int>, _ topK: TopK<constant>
  ) {
    guard events.ids.baseAddress != nil else { return }
    let events = events.counted(topK)
    // What is the same for every event is copied into local constants: read through `self`, each
    // would be loaded again after every write to the tables.
    let cells = cells
    let tables = view.tables
    let layerPairs = Table(.layerPairs, of: self)
    let hasLayerPairs = tables.contains(.layerPairs) && events.layer > 0
    var total: UInt64 = 0
    var token = tokens.lowerBound
    while token < tokens.upperBound {
      let event = events.event(token)
      total &+= Self.count(event.chosen, in: cells)
      if hasLayerPairs { layerPairs.learn(event.chosen, given: event.earlierLayer(1)) }
      token &+= 1
    }
    totals[0] &+= total
    guard tables.contains(.tokenPairs) else { return }
    // The second table has a pass of its own: both at once do not fit into the registers.
    let tokenPairs = Table(.tokenPairs, of: self)
    token = tokens.lowerBound
    while token < tokens.upperBound {
      let event = events.event(token)
      tokenPairs.learn(event.chosen, given: event.previousToken)
      token &+= 1
    }
  }

  /// Counts an event: adds 1 to `c[j]` of every expert chosen, and to every pair of an expert known
  /// before and one chosen, in the tables that are kept.
  ///
  /// Transparent: in a pass whose top-k is a constant it would else be called, and not know it.
  ///
  /// - Complexity: O(K^2) for each pair table.
  @_transparent
  public func learn(_ event: Event) {
    let chosen = event.chosen
    totals[0] &+= Self.count(chosen, in: cells)
    if view.tables.contains(.layerPairs) {
      Table(.layerPairs, of: self).learn(chosen, given: event.earlierLayer(1))
    }
    if view.tables.contains(.tokenPairs) {
      Table(.tokenPairs, of: self).learn(chosen, given: event.previousToken)
    }
  }

  /// Counts the experts chosen, and returns how many they are.
  @inlinable @inline(__always)
  package static func count(_ chosen: ExpertSet, in cells: UnsafeMutablePointer<UInt32>) -> UInt64 {
    var slot = 0
    while slot < chosen.count {
      cells[chosen[slot]] &+= 1
      slot &+= 1
    }
    return UInt64(truncatingIfNeeded: chosen.count)
  }

  /// One pair table: its rows and their sums.
  @usableFromInline package struct Table {
    @usableFromInline package let rows: UnsafeMutablePointer<UInt32>
    @usableFromInline package let sums: UnsafeMutablePointer<UInt64>
    @usableFromInline package let experts: Int

    @inlinable @inline(__always)
    package init(_ table: CountTables, of counts: CountsLearner) {
      let place = counts.view.rowPlace(table, 0)
      rows = counts.cells + place.base
      sums = counts.totals + place.total
      experts = counts.view.experts
    }

    /// Counts every pair of `given` and `chosen`.
    @inlinable @inline(__always)
    package func learn(_ chosen: ExpertSet, given: ExpertSet) {
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
