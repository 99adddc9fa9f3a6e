import Wafer

/// How long one GPU works for an expert whose weights it has: the longer of its operations and of its
/// memory, by the bound engine's figures.
struct ExpertRoofline {
  /// Seconds to read the weights.
  let weights: Double
  private let computePerRequest: Double
  private let memoryPerRequest: Double

  init(_ expert: ExpertCost, on hardware: Hardware) {
    weights = expert.weightBytes / hardware.hbmBandwidth
    computePerRequest =
      expert.flopsPerRequest / (hardware.computeFlops * hardware.computeEfficiency)
    memoryPerRequest = expert.activationBytesPerRequest / hardware.hbmBandwidth
  }

  /// Seconds for so many requests, counted or expected.
  func seconds(_ requests: Double) -> Double {
    max(requests * computePerRequest, weights + requests * memoryPerRequest)
  }

  /// Replicas that an expert should have: one more while a share would take longer than `longest`
  /// and is held up by computing; one that takes no longer than its weights gains nothing by a copy.
  ///
  /// - Complexity: O(most).
  func replicas(_ requests: Double, longest: Double, most: Int) -> Int {
    var count = 1
    while count < most {
      let share = requests / Double(count)
      guard share * computePerRequest > weights, seconds(share) > longest else { break }
      count += 1
    }
    return count
  }
}
