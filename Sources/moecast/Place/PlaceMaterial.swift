import Counting
import Demand
import LoadProfile
import ModelFile
import Placement
import Prequential
import RoutingTrace

/// What was read of the files that experts are placed from and judged on.
struct PlaceMaterial {
  /// What experts are placed from.
  enum Source {
    /// Tokens of traces, and a model and its file beside them.
    case tokens(EarlierAndLater, model: (learner: Learner, path: String)?)
    /// A profile, its windows by place, and its file.
    case profile(LoadProfile, Range<Int>?, String)
    /// A model and its file.
    case model(Learner, String)
  }

  let source: Source
  /// The tokens to judge on; nil where nothing told any.
  let judged: RequestPool?

  /// The model's layers, experts and top-k.
  ///
  /// - Throws: `LoadProfileError` where a profile does not tell the experts of a token, and no trace
  ///   does.
  func shape() throws -> TraceShape {
    switch source {
    case .tokens(let cut, _): return cut.earlier.shape
    case .model(let learner, _): return learner.shape
    case .profile(let profile, _, let path):
      if let judged = judged?.shape {
        guard judged.modelLayers == profile.layers, judged.experts == profile.experts else {
          throw LoadProfileError(
            file: path,
            "it has \(profile.layers.count) layers of \(profile.experts) experts, the traces to judge on"
              + " have \(judged.layers) of \(judged.experts), or others",
            remedy: "give both of one model")
        }
      }
      guard
        let topK = judged?.shape.topK ?? profile.topK ?? ModelShape.named(profile.model)?.topK
      else {
        throw LoadProfileError(
          file: path, "how many experts a token takes is not in it",
          remedy: "judge on a trace (--judge)")
      }
      return try TraceShape(
        model: profile.model, modelLayers: profile.layers, experts: profile.experts, topK: topK)
    }
  }

  /// What is judged on, in words.
  var judgedWords: String {
    if case .tokens(let cut, _) = source { return cut.laterWords }
    return "other traces"
  }

  /// Whether the tokens judged on are those placed from.
  var isInSample: Bool {
    if case .tokens(let cut, _) = source { return cut.isInSample }
    return false
  }

  /// What is known of the experts' use, for batches of so many tokens, and where from.
  ///
  /// - Throws: where what was read does not fit together, or tells nothing.
  func evidence(
    batch: Int, needs: Set<PlacementRule.Need>
  ) throws -> (evidence: PlacementEvidence, words: String) {
    let shape = try shape()
    if let judged, !judged.shape.isCompatible(with: shape) {
      throw PlacementError(
        "what experts are placed from has \(shape), the traces to judge on \(judged.shape)",
        remedy: "give both of one model")
    }
    switch source {
    case .tokens(let cut, nil):
      return (try counted(cut.earlier, batch: batch, needs), cut.earlierWords)
    case .tokens(let cut, let (learner, path)?):
      let counted = try counted(cut.earlier, batch: batch, needs)
      var evidence = try ForecastEvidence(
        model: learner.frequencies, window: cut.earlier, batch: batch
      ).evidence
      (evidence.pairs, evidence.successions) = (counted.pairs, counted.successions)
      return (evidence, "\(cut.earlierWords) and \(path)")
    case .model(let learner, let path):
      var evidence = try PlacementEvidence(
        counts: learner.frequencies, layers: shape.modelLayers, batch: batch, topK: shape.topK)
      let tables = learner.layers.dropFirst().compactMap(\.counts.layerPairs)
      if tables.count == shape.layers - 1 {
        evidence.successions = tables.map { $0.map(Double.init) }
      }
      return (evidence, path)
    case .profile(let profile, let windows, let path):
      let evidence = try PlacementEvidence(
        of: profile, windows: windows, batch: batch, topK: shape.topK)
      let words = windows.map { " \($0.lowerBound) to \($0.upperBound - 1)" } ?? ""
      return (evidence, path + words)
    }
  }

  /// The tokens that counts are of, at least 1; what a batch has to be for loads to be the counts.
  var countedTokens: Int {
    switch source {
    case .tokens(let cut, _): cut.earlier.tokens
    case .model(let learner, _):
      max(1, Int((learner.frequencies.first ?? []).reduce(0, +)) / learner.shape.topK)
    case .profile(let profile, _, _):
      max(1, Int(clamping: profile.choices) / profile.layers.count / max(1, profile.topK ?? 1))
    }
  }

  private func counted(
    _ pool: RequestPool, batch: Int, _ needs: Set<PlacementRule.Need>
  ) throws -> PlacementEvidence {
    try PlacementEvidence(
      of: pool, batch: batch, countsPairs: needs.contains(.pairs),
      countsSuccessions: needs.contains(.successions))
  }
}

extension Learner {
  /// By layer: how often each expert was chosen.
  fileprivate var frequencies: [[Double]] { layers.map { $0.counts.frequency.map(Double.init) } }
}
