import Counting
import RoutingTrace

/// What of a mixture outlives its stream, and how those of shards become one.
extension Mixture {
  /// The knowledge of this mixture before another stream begins: histories and path candidates of
  /// the requests under way are forgotten.
  ///
  /// - Complexity: O(bytes of what requests under way keep).
  public var withoutRequests: Mixture {
    var other = self
    other.paths?.forgetRequests()
    for layer in layers.indices { other.layers[layer].histories.clear() }
    return other
  }

  /// Joins another shard of the stream to this one (<doc:Mixture>).
  ///
  /// Counts and visits add up. Weights become the mean by tokens; every row of the linear part the
  /// mean by its visits, and as much larger as more visits would have made it. Of the paths the
  /// shard's newest are taken, as many as are its share of the room; pairs and repeats that both
  /// know are put together, and of those that want the same place the more frequent stay.
  ///
  /// - Parameters:
  ///   - shard: a mixture of the same options and a compatible shape.
  ///   - share: what the shard counts; the first that has learnt anything is taken as it is.
  /// - Complexity: O(bytes of the tables).
  public mutating func join(_ shard: Mixture, share: ShardShare) {
    precondition(options == shard.options && shape.isCompatible(with: shard.shape))
    guard share.own > 0 else { return }
    for layer in layers.indices {
      if share.before == 0 {
        layers[layer] = shard.layers[layer]
        layers[layer].histories.clear()
      } else {
        layers[layer].join(shard.layers[layer], share: share)
      }
    }
    if let own = shard.paths { paths?.append(own, newest: share.places(of: own.capacity)) }
  }
}

extension MixtureLayer {
  /// Joins a shard's layer to this one, which has learnt something before.
  fileprivate mutating func join(_ shard: MixtureLayer, share: ShardShare) {
    frequency.add(shard.frequency)
    for table in rows.indices { rows[table].add(shard.rows[table]) }
    for table in pairs.indices { pairs[table].join(shard.pairs[table]) }
    repeats.join(shard.repeats)
    for input in weights.indices {
      weights[input] += (shard.weights[input] - weights[input]) * share.fraction
      power[input] += (shard.power[input] - power[input]) * share.fraction
    }
    joinLinear(shard)
  }

  /// Moves every row of the linear part to where one stream of both shards' visits would have
  /// brought it: the mean by visits of where the shards' rows were going.
  private mutating func joinLinear(_ shard: MixtureLayer) {
    let lanes = lanes
    linear.withUnsafeMutableBufferPointer { linear in
      shard.linear.withUnsafeBufferPointer { other in
        for row in linearVisits.indices where shard.linearVisits[row] > 0 {
          let visits = (Double(linearVisits[row]), Double(shard.linearVisits[row]))
          let sum = visits.0 + visits.1
          // x / way(n) is where a row goes that n visits have brought to x.
          let scale = Self.linearWay(sum) / sum
          let kept = visits.0 > 0 ? Float(visits.0 * scale / Self.linearWay(visits.0)) : 0
          let added = Float(visits.1 * scale / Self.linearWay(visits.1))
          for at in row * lanes..<(row + 1) * lanes {
            linear[at] = linear[at] * kept + other[at] * added
          }
          linearVisits[row] = UInt32(clamping: UInt64(sum))
        }
      }
    }
  }

  /// How much of its way a row of the linear part has gone after so many visits, from 0 to 1: what
  /// merging takes it for, so that rows of little-trained shards do not stay behind.
  private static func linearWay(_ visits: Double) -> Double { visits / (visits + 40) }
}

extension RowTable {
  /// Adds another table's counts, cell by cell; the caller has checked that they fit.
  fileprivate mutating func add(_ other: RowTable) {
    cells.withUnsafeMutableBufferPointer { cells in
      other.cells.withUnsafeBufferPointer { other in
        for index in cells.indices { cells[index] &+= other[index] }
      }
    }
    for index in totals.indices { totals[index] &+= other.totals[index] }
  }

  /// Puts a row of another table to one of this: added to what is there, or in its place.
  fileprivate mutating func put(_ other: RowTable, row source: Int, to row: Int, adding: Bool) {
    let lanes = lanes
    cells.withUnsafeMutableBufferPointer { cells in
      other.cells.withUnsafeBufferPointer { other in
        for lane in 0..<lanes {
          let old = adding ? cells[row * lanes + lane] : 0
          cells[row * lanes + lane] = old &+ other[source * lanes + lane]
        }
      }
    }
    totals[row] = (adding ? totals[row] : 0) &+ other.totals[source]
  }
}

extension PairTable {
  /// Joins another table: rows of the same pair add up; one whose places are all taken takes that
  /// of the smallest row, where this is smaller.
  mutating func join(_ other: PairTable) {
    for source in 0..<other.rows where other.keys[source] != 0 {
      let key = other.keys[source]
      let places = (0..<Self.probes).map { (Self.place(key) + $0) & (rows - 1) }
      if let own = places.first(where: { keys[$0] == key }) {
        table.put(other.table, row: source, to: own, adding: true)
        continue
      }
      let free = places.first { keys[$0] == 0 }
      let weakest = places.min { table.totals[$0] < table.totals[$1] } ?? places[0]
      let place = free ?? weakest
      guard keys[place] == 0 || table.totals[place] < other.table.totals[source] else { continue }
      keys[place] = key
      table.put(other.table, row: source, to: place, adding: false)
    }
  }
}

extension RepeatTable {
  /// Joins another table, whose sets count as the newer ones; a context whose bucket is full takes
  /// the place of that with the fewest sets, where it has more.
  mutating func join(_ other: RepeatTable) {
    let each = Self.depth * topK
    for source in 0..<other.places where other.counts[source] > 0 {
      let bucket = source & ~(Self.ways - 1)
      let ways = bucket..<bucket + Self.ways
      let newer = Int(other.counts[source])
      let own = other.sets[source * each..<source * each + newer * topK]
      if let place = ways.first(where: { keys[$0] == other.keys[source] && counts[$0] > 0 }) {
        let kept = min(Int(counts[place]), Self.depth - newer)
        let older = sets[place * each..<place * each + kept * topK]
        sets.replaceSubrange(
          place * each..<place * each + (newer + kept) * topK, with: Array(own + older))
        counts[place] = UInt32(newer + kept)
        continue
      }
      let place = ways.min { counts[$0] < counts[$1] } ?? bucket
      guard counts[place] < other.counts[source] else { continue }
      keys[place] = other.keys[source]
      counts[place] = other.counts[source]
      sets.replaceSubrange(place * each..<place * each + newer * topK, with: own)
    }
  }
}

extension PathMemory {
  /// Forgets which stored paths the requests under way have matched; the paths themselves stay.
  fileprivate mutating func forgetRequests() {
    lastStored = []
    trails = PathTrails()
  }

  /// Stores the newest of another memory's paths behind those that are here, as far as there is
  /// room without overwriting any.
  fileprivate mutating func append(_ other: PathMemory, newest: Int) {
    let count = max(0, min(newest, other.written, other.capacity, capacity - written))
    let first = other.written - count
    let base = written - first
    let path = layers * words
    for number in first..<other.written {
      let source = number & (other.capacity - 1)
      let slot = number + base
      masks.replaceSubrange(
        slot * path..<(slot + 1) * path, with: other.masks[source * path..<(source + 1) * path])
      // What followed a path is newer than it, and so among those that are taken.
      let next = Int(other.successors[source])
      successors[slot] = next < 0 ? -1 : Int32(next + base)
    }
    written += count
    rebuildColumns()
  }
}
