import ArgumentParser
import LoadProfile
import RoutingTrace
import TraceImport

/// What `import` does with sources that hold counts only.
extension Import {
  /// Writes the inputs as a load profile, where they hold counts of experts' choices and no routes.
  ///
  /// - Returns: nil where they are something else.
  func importProfile(
    since start: ContinuousClock.Instant
  ) throws -> LoadProfileSummary? {
    let options = try importOptions
    guard format == "auto" || CountsFormat(named: format) != nil,
      let importer = try LoadProfileImporter(
        inputs, format: CountsFormat(named: format), options: options)
    else { return nil }
    if let option = optionsOfTraces.first {
      throw ValidationError(
        "\(option) is for traces; \(importer.format.name) holds counts only, which become a load "
          + "profile")
    }
    guard !output.hasSuffix(".lz4") else {
      throw ValidationError(
        "\(importer.format.name) holds counts only, and no routes for a trace: name a load profile, "
          + "-o PROFILE.h5")
    }
    let sink = try OutputSink(
      output, .profile(inputs: importer.paths, force: force), isBinary: true)
    let profile = try importer.profile(options: options)
    let bytes = try profile.bytes()
    try sink.write(bytes)
    try sink.commit()
    return LoadProfileSummary(
      profile, format: importer.format.name, guessed: importer.isGuessed,
      files: importer.paths.count, filesPassedOver: importer.passedOver,
      bytesIn: importer.totalBytes, bytesOut: bytes.count,
      seconds: start.duration(to: .now) / .seconds(1))
  }

  /// The options given that mean nothing for counts.
  private var optionsOfTraces: [String] {
    [
      prefill == nil ? nil : "--prefill", chunkTokens == nil ? nil : "--chunk-tokens",
      level == 0 ? nil : "--level", noWeights ? "--no-weights" : nil,
      keepConstant ? "--keep-constant" : nil, dropWarmUp ? "--drop-warm-up" : nil,
      join ? "--join" : nil,
    ].compactMap(\.self)
  }
}

/// What an import of counts came to; the keys of `--json`.
struct LoadProfileSummary: Encodable, CustomStringConvertible {
  let kind = "load-profile"
  var format: String
  var guessed: Bool
  var files: Int
  var filesPassedOver: Int
  var layers: Int
  var experts: Int
  var topK: Int?
  var windows: Int
  var windowKind: String
  var choices: UInt64
  var bytesIn: Int
  var bytesOut: Int
  var seconds: Double

  init(
    _ profile: LoadProfile, format: String, guessed: Bool, files: Int, filesPassedOver: Int,
    bytesIn: Int, bytesOut: Int, seconds: Double
  ) {
    (self.format, self.guessed, self.files) = (format, guessed, files)
    self.filesPassedOver = filesPassedOver
    (layers, experts, topK) = (profile.layers.count, profile.experts, profile.topK)
    (windows, windowKind) = (profile.windows.count, profile.windowKind)
    choices = profile.choices
    (self.bytesIn, self.bytesOut, self.seconds) = (bytesIn, bytesOut, seconds)
  }

  enum CodingKeys: String, CodingKey {
    case kind, format, guessed, files, layers, experts, windows, choices, seconds
    case filesPassedOver = "files_passed_over"
    case topK = "top_k"
    case windowKind = "window_kind"
    case bytesIn = "bytes_in"
    case bytesOut = "bytes_out"
  }

  /// One line for people.
  var description: String {
    var text = "\(format)\(guessed ? " (guessed)" : "") holds counts only: a load profile of "
    text += "\(counted(layers, "MoE layer")) of \(experts) experts, \(counted(choices, "choice"))"
    if windows > 1 { text += " in \(windows) windows (\(windowKind))" }
    if filesPassedOver > 0 { text += "; \(counted(filesPassedOver, "other file")) passed over" }
    return text
  }
}
