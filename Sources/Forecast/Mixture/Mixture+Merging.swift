import Counting
import RoutingTrace

/// What of a mixture outlives its stream, and what adds up with another's.
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

  /// What of the mixture is a sum over tokens: the counts of frequency, rows and nothing else.
  ///
  /// Weights, stored paths, repeats and tables of pairs follow the order of the stream, so they
  /// start anew.
  ///
  /// - Complexity: O(bytes of the tables).
  public var mergeablePart: Mixture {
    var sum = Mixture(shape: shape, options: options)
    for layer in layers.indices {
      sum.layers[layer].frequency = layers[layer].frequency
      sum.layers[layer].rows = layers[layer].rows
    }
    return sum
  }

  /// Adds the counts of another shard of the stream.
  ///
  /// - Precondition: both are ``mergeablePart``s of the same options and compatible shapes. So the
  ///   sum does not depend on order or grouping.
  /// - Complexity: O(`layers` x `experts^2` x parts with rows).
  public mutating func add(_ other: Mixture) {
    precondition(options == other.options && shape.isCompatible(with: other.shape))
    for layer in layers.indices {
      layers[layer].frequency.add(other.layers[layer].frequency)
      for table in layers[layer].rows.indices {
        layers[layer].rows[table].add(other.layers[layer].rows[table])
      }
    }
  }
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
}

extension PathMemory {
  /// Forgets which stored paths the requests under way have matched; the paths themselves stay.
  fileprivate mutating func forgetRequests() {
    lastStored = []
    trails = PathTrails()
  }
}
