import LoadProfile

/// What `analyze` tells of a load profile; the keys are stable, more may follow.
struct LoadReport: Encodable {
  let kind = "load-profile"
  var model: String
  var experts: Int
  var topK: Int?
  var windows: Int
  var windowKind: String
  var choices: UInt64
  /// Over the layers: the mean of the most used expert over the mean, and where that is largest.
  var meanMostUsedOverMean: Double
  var layers: Report<LayerLoad>

  enum CodingKeys: String, CodingKey {
    case kind, model, experts, windows, choices, layers
    case topK = "top_k"
    case windowKind = "window_kind"
    case meanMostUsedOverMean = "mean_most_used_over_mean"
  }

  /// A report of what was counted.
  init(_ profile: LoadProfile) {
    let loads = profile.layerLoads
    (model, experts, topK) = (profile.model, profile.experts, profile.topK)
    (windows, windowKind) = (profile.windows.count, profile.windowKind)
    choices = profile.choices
    meanMostUsedOverMean =
      loads.isEmpty ? 0 : loads.reduce(0) { $0 + $1.mostUsedOverMean } / Double(loads.count)
    layers = Report(Self.columns(inWindows: profile.windows.count > 1), loads)
  }

  /// What is told of a layer.
  private static func columns(inWindows: Bool) -> [Column<LayerLoad>] {
    let all: [Column<LayerLoad>] = [
      .integer("layer", "model layer") { $0.layer },
      .integer("choices", "choices") { Int(clamping: $0.choices) },
      .number("most_used_over_mean", "most / mean", places: 2) { $0.mostUsedOverMean },
      .integer("most_used", "most used") { $0.mostUsed },
      .number("most_used_share", "its share, %", times: 100, places: 1) { $0.mostUsedShare },
      .integer("least_used", "least used") { $0.leastUsed },
      .number("least_used_share", "its share, %", times: 100, places: 1) { $0.leastUsedShare },
      .number("top_fifth_share", "top 20 %, %", times: 100, places: 1) { $0.topFifthShare },
      .number("effective_experts", "effective", places: 1) { $0.effectiveExperts },
      .integer("unused", "unused") { $0.unused },
    ]
    guard inWindows else { return all }
    return all + [
      .number("most_used_over_mean_in_windows", "most / mean, a window", places: 2) {
        $0.mostUsedOverMeanInWindows
      }
    ]
  }

  /// The table for people.
  var text: Sections {
    let name = model.isEmpty ? "" : "\(visible(model)): "
    let extent =
      windows > 1 ? "\(counted(windows, "window")) (\(visible(windowKind)))" : "one window"
    let head =
      "load profile: \(name)\(counted(layers.rows.count, "MoE layer")) of \(experts) experts, "
      + "\(counted(choices, "choice")) in \(extent)"
    return Sections([head, layers])
  }
}

/// What `inspect` tells of a load profile; the keys of `--json`.
struct LoadProfileFacts: Encodable, CustomStringConvertible {
  let kind = "load-profile"
  var model: String
  var layers: [Int]
  var experts: Int
  var topK: Int?
  var windows: Int
  var windowKind: String
  var choices: UInt64
  var provenance: [String: String]
  /// Whether all of it was read and agrees; else reading it fails.
  let intact = true

  enum CodingKeys: String, CodingKey {
    case kind, model, layers, experts, windows, choices, provenance, intact
    case topK = "top_k"
    case windowKind = "window_kind"
  }

  init(_ profile: LoadProfile) {
    (model, layers, experts) = (profile.model, profile.layers, profile.experts)
    (topK, windows) = (profile.topK, profile.windows.count)
    (windowKind, choices, provenance) = (profile.windowKind, profile.choices, profile.provenance)
  }

  /// A few lines for people.
  var description: String {
    let shape =
      "\(counted(layers.count, "MoE layer")) of \(experts) experts"
      + (topK.map { ", top-\($0)" } ?? "")
    let origin = provenance.keys.sorted().map { "\($0) \(provenance[$0] ?? "")" }
    return visible(
      "load profile\(model.isEmpty ? "" : " of \(model)"): \(shape); \(counted(choices, "choice")) in "
        + "\(counted(windows, "window")) (\(windowKind)); from \(origin.joined(separator: ", "))")
      + "\nintact; counts only: analyze reads it, predictors learn from traces"
  }
}
