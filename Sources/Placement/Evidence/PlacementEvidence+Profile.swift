import LoadProfile

extension PlacementEvidence {
  /// Loads of a profile, or of some of its windows, by place, as requests of a batch.
  ///
  /// - Parameters:
  ///   - windows: Places of the windows that are added up; nil for all.
  ///   - batch: Tokens of a step, to which every layer's loads are scaled.
  ///   - topK: Experts that a token takes.
  /// - Throws: ``PlacementError`` where the windows are not there, or a layer was not used in them.
  public init(
    of profile: LoadProfile, windows: Range<Int>? = nil, batch: Int, topK: Int
  ) throws(PlacementError) {
    let all = profile.windows.indices
    let windows = windows ?? all
    guard !windows.isEmpty, all.contains(windows.lowerBound), windows.upperBound <= all.upperBound
    else {
      throw PlacementError(
        "the load profile has windows 0 to \(all.count - 1), not \(windows.lowerBound) to "
          + "\(windows.upperBound - 1)", remedy: "give some of these")
    }
    let (layers, experts) = (profile.layers.count, profile.experts)
    var loads = Array(repeating: Array(repeating: 0.0, count: experts), count: layers)
    for window in windows {
      for layer in 0..<layers {
        let first = (window * layers + layer) * experts
        for expert in 0..<experts { loads[layer][expert] += Double(profile.counts[first + expert]) }
      }
    }
    try self.init(counts: loads, layers: profile.layers, batch: batch, topK: topK)
  }

  /// Loads that were counted of any tokens, by a profile or a model, as requests of a batch.
  ///
  /// - Parameters:
  ///   - counts: By layer and expert.
  ///   - layers: The model's own numbers of the layers, for messages.
  ///   - batch: Tokens of a step, to which every layer's loads are scaled.
  ///   - topK: Experts that a token takes.
  /// - Throws: ``PlacementError`` where a layer was not used.
  public init(
    counts: [[Double]], layers: [Int], batch: Int, topK: Int
  ) throws(PlacementError) {
    var loads = counts
    for (layer, number) in layers.enumerated() {
      let sum = counts[layer].reduce(0, +)
      guard sum > 0 else {
        throw PlacementError(
          "no expert of layer \(number) was chosen where loads were counted",
          remedy: "give windows, or a model, with tokens")
      }
      let scale = Double(batch * topK) / sum
      loads[layer] = counts[layer].map { $0 * scale }
    }
    try self.init(loads: loads)
  }
}
