extension PlacementEvidence {
  /// ``pairs``, for an algorithm that needs them.
  ///
  /// - Throws: ``PlacementError`` where nobody counted, or not for all experts of every layer.
  func countedPairs() throws(PlacementError) -> [[Double]] {
    try checked(
      pairs, layers: layers, missing: "which experts tokens choose together is not known",
      wrong: "pairs of experts")
  }

  /// ``successions``, for an algorithm that needs them.
  ///
  /// - Throws: ``PlacementError`` where nobody counted, or not for all experts of every layer but the
  ///   last.
  func countedSuccessions() throws(PlacementError) -> [[Double]] {
    try checked(
      successions, layers: layers - 1,
      missing: "which experts tokens choose after each other is not known",
      wrong: "successions of experts")
  }

  private func checked(
    _ counts: [[Double]]?, layers: Int, missing: String, wrong: String
  ) throws(PlacementError) -> [[Double]] {
    guard let counts else {
      throw PlacementError(
        missing, remedy: "place from a trace, or by an algorithm that needs loads alone")
    }
    let size = experts * experts
    guard counts.count == layers,
      counts.allSatisfy({ $0.count == size && $0.allSatisfy { $0 >= 0 && $0 < .infinity } })
    else {
      throw PlacementError(
        "\(wrong) are counted for \(counts.count) layers, or not as numbers from 0 on",
        remedy: "give \(experts) times \(experts) counts for each of \(layers)")
    }
    return counts
  }
}

extension PlacementError {
  /// - Throws: ``PlacementError`` where a tolerance is no number from 0 on.
  static func check(tolerance: Double) throws(PlacementError) {
    guard tolerance >= 0, tolerance < .infinity else {
      throw PlacementError(
        "a tolerance of \(tolerance) is none",
        remedy: "give the part of the mean load that a GPU may have above it, such as 0.1")
    }
  }
}

extension DeviceLayout {
  /// - Throws: ``PlacementError`` where there are redundant slots, which `algorithm` cannot fill.
  func refuseRedundant(_ experts: Int, _ algorithm: String) throws(PlacementError) {
    guard slots == experts else {
      throw PlacementError(
        "\(algorithm) places every expert once, and \(slots - experts) redundant slots stay empty",
        remedy: "give no redundant slots, or an algorithm that copies experts")
    }
  }
}
