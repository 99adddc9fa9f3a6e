import Counting
import Glibc

/// The mean of log2 of probabilities, with one logarithm for up to eight of them.
///
/// Eight probabilities of at least 2^-100 stay within the range of a `Double`; smaller ones have a
/// logarithm of their own.
struct MeanLog2 {
  /// The product of the probabilities since the last logarithm.
  private var product = 1.0
  /// The sum of the logarithms taken so far.
  private var sum = 0.0
  /// Probabilities added.
  private var count = 0

  /// Adds one probability to the mean.
  @inline(__always)
  mutating func add(_ probability: Double) {
    if probability >= ScoringKernels.smallest {
      product *= probability
    } else {
      sum += log2(probability)
    }
    count &+= 1
    if count & 7 == 0 {
      sum += log2(product)
      product = 1
    }
  }

  /// The mean of log2 of all probabilities added.
  @inline(__always)
  var value: Double {
    (count & 7 == 0 ? sum : sum + log2(product)) / Double(count)
  }
}

extension ExpertSet {
  /// The mean over the set of log2 of its experts' probabilities, in bits: the negative log loss of
  /// the event. -infinity where one is 0.
  ///
  /// - Parameter probabilities: one value an expert.
  /// - Complexity: O(K), with one logarithm for up to eight experts.
  public func meanLog2(of probabilities: UnsafeMutableBufferPointer<Double>) -> Double {
    var mean = MeanLog2()
    var slot = 0
    while slot < count {
      mean.add(probabilities[self[slot]])
      slot += 1
    }
    return mean.value
  }
}
