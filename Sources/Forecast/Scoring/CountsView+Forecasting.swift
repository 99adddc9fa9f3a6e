import Counting
import Glibc
import RoutingTrace

/// The formulas of the count-based predictors. Buffers of probabilities hold `experts` values.
extension CountsView {
  /// Additive constants of the formulas, by their names in files: `c + 1/2`, rows `+ 2 P0`.
  public static let priors: KeyValuePairs = ["prior_frequency": 0.5, "prior_row": 2.0]

  /// Writes `P0(j) = (c[j] + 1/2) / (sum c + E/2)`, every expert's share of the choices so far.
  ///
  /// - Parameter probabilities: `experts` values to fill.
  /// - Complexity: O(E).
  public func prior(into probabilities: UnsafeMutableBufferPointer<Double>) {
    let total = Double(totals[0]) + Double(experts) / 2
    var j = 0
    while j < experts {
      probabilities[j] = (Double(Int32(bitPattern: cells[j])) + 0.5) / total
      j += 1
    }
  }

  /// The mean over `given` of `(T[i, j] + 2 P0(j)) / (sum T[i] + 2)`; `P0` where `given` is empty.
  ///
  /// - Precondition: `table` is one table, and kept.
  func averageRows(
    _ table: CountTables, given: ExpertSet, prior: UnsafeMutableBufferPointer<Double>,
    into probabilities: UnsafeMutableBufferPointer<Double>
  ) {
    guard given.count > 0 else {
      _ = probabilities.update(fromContentsOf: prior)
      return
    }
    var index = 0
    while index < given.count {
      let row = weighedRow(table, given[index])
      let total = row.total
      let cells = row.cells
      var j = 0
      if index == 0 {
        while j < experts {
          probabilities[j] = (Double(Int32(bitPattern: cells[j])) + 2 * prior[j]) / total
          j += 1
        }
      } else {
        while j < experts {
          probabilities[j] += (Double(Int32(bitPattern: cells[j])) + 2 * prior[j]) / total
          j += 1
        }
      }
      index += 1
    }
    let count = Double(given.count)
    var j = 0
    while j < experts {
      probabilities[j] /= count
      j += 1
    }
  }

  /// One expert's value of ``averageRows(_:given:prior:into:)``, by the same operations.
  ///
  /// - Precondition: `given` is not empty.
  func averageRows(_ table: CountTables, given: ExpertSet, expert: Int) -> Double {
    let total = Double(totals[0]) + Double(experts) / 2
    let prior = (Double(Int32(bitPattern: cells[expert])) + 0.5) / total
    var sum = 0.0
    var index = 0
    while index < given.count {
      let row = weighedRow(table, given[index])
      let term = (Double(Int32(bitPattern: row.cells[expert])) + 2 * prior) / row.total
      sum = index == 0 ? term : sum + term
      index += 1
    }
    return sum / Double(given.count)
  }

  /// The softmax of `log P0(j) + sum over given of log(P(j|i) / P0(j))`, with the rows of
  /// ``averageRows(_:given:prior:into:)``: naive Bayes.
  ///
  /// Products of rows would be faster, but experts whose rows are permutations of each other then
  /// tie otherwise than in the reference (4e-6 of recall@8 on tiny-moe).
  func multiplyRows(
    _ table: CountTables, given: ExpertSet, prior: UnsafeMutableBufferPointer<Double>,
    into probabilities: UnsafeMutableBufferPointer<Double>
  ) {
    guard given.count > 0 else {
      _ = probabilities.update(fromContentsOf: prior)
      return
    }
    probabilities.update(repeating: 0)
    var index = 0
    while index < given.count {
      let row = weighedRow(table, given[index])
      let total = row.total
      let cells = row.cells
      var j = 0
      while j < experts {
        let conditional = (Double(Int32(bitPattern: cells[j])) + 2 * prior[j]) / total
        probabilities[j] += log(conditional / prior[j])
        j += 1
      }
      index += 1
    }
    var best = -Double.infinity
    var j = 0
    while j < experts {
      probabilities[j] += log(prior[j])
      best = max(best, probabilities[j])
      j += 1
    }
    var sum = 0.0
    j = 0
    while j < experts {
      probabilities[j] = exp(probabilities[j] - best)
      sum += probabilities[j]
      j += 1
    }
    j = 0
    while j < experts {
      probabilities[j] /= sum
      j += 1
    }
  }

  /// The counts of row `given` and their sum plus 2.
  private func weighedRow(
    _ table: CountTables, _ given: Int
  ) -> (cells: UnsafeBufferPointer<UInt32>, total: Double) {
    (row(table, given), Double(totals[rowPlace(table, given).total]) + 2)
  }
}
