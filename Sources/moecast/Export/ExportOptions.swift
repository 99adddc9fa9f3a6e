import ArgumentParser
import Export
import ModelFile
import Placement
import Prequential
import Wafer

/// Options that some formats of `moecast export` heed.
struct ExportOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("What an expert weighs in a cache; 1 unless given.", valueName: "size"))
  var objectSize: UInt32?

  @Option(
    help: ArgumentHelp(
      "A model whose forecasts are written beside the accesses.", valueName: "file"))
  var prefetches: String?

  @OptionGroup var forecasts: ForecastOptions

  @Option(
    help: ArgumentHelp(
      "Devices that share each layer's experts; 25 dies unless given for a prediction-table.",
      valueName: "n"))
  var devices: Int?

  @Option(
    help: ArgumentHelp(
      """
      A placement's file that says where experts lie (SGLang's *.json and *.pt, KTransformers' \
      *.pt, vLLM's and vLLM-Ascend's JSON, TensorRT-LLM's *.yaml); contiguous unless given.
      """, valueName: "file"))
  var placement: String?

  @Option(
    help: ArgumentHelp(
      "Requests under way together; as many as devices unless given.", valueName: "n"))
  var batch: Int?

  @Option(
    help: ArgumentHelp(
      "Bytes of a token's activations; those of a known model in bf16 unless given.",
      valueName: "n"), transform: takingWholeBytes)
  var tokenBytes: Int?

  @Option(
    help: ArgumentHelp(
      "Followers of an expert that count as expected at the next token; 16 unless given.",
      valueName: "n"))
  var topN: Int?

  @Option(
    help: ArgumentHelp(
      "Copies that a die may hold of all layers; 512 unless given.", valueName: "n"))
  var copyEntries: Int?

  func validate() throws {
    if objectSize == 0 { throw ValidationError("--object-size is a number from 1") }
    if let devices, !(1...512).contains(devices) {
      throw ValidationError("--devices is from 1 to 512")
    }
    if let batch, !(1...65_536).contains(batch) {
      throw ValidationError("--batch is from 1 to 65536")
    }
    for (name, value) in [
      ("--token-bytes", tokenBytes), ("--top-n", topN), ("--copy-entries", copyEntries),
    ] {
      if let value, !(1...1 << 24).contains(value) {
        throw ValidationError("\(name) is from 1 to \(1 << 24)")
      }
    }
  }

  /// Throws where an option is given that `exporter` does not heed.
  func refuseIdle(for exporter: any Exporter.Type) throws {
    let given: [(option: ExportOption, isGiven: Bool)] = [
      (.objectSize, objectSize != nil), (.prefetches, prefetches != nil),
      (.devices, devices != nil), (.placement, placement != nil), (.batch, batch != nil),
      (.tokenBytes, tokenBytes != nil), (.topN, topN != nil), (.copyEntries, copyEntries != nil),
    ]
    for (option, isGiven) in given {
      try refuse(
        [(option.rawValue, isGiven)], unless: exporter.heeds.contains(option),
        "--to \(exporter.name) has no place for it")
    }
    try refuse(
      [
        ("--predictors", forecasts.predictor != nil), ("--top", forecasts.top != nil),
        ("--above", forecasts.above != 0), ("--learn", forecasts.learn),
      ], unless: prefetches != nil, "nothing is forecast without --prefetches")
  }

  /// What the exporter is told.
  func settings() throws -> ExportSettings {
    var settings = ExportSettings()
    settings.objectSize = objectSize
    settings.devices = devices
    settings.placement = try placement.map { try PlacementFile(file: $0) }
    settings.batch = batch
    settings.tokenBytes = tokenBytes
    settings.topN = topN
    settings.copyEntries = copyEntries
    settings.prefetching = try prefetches.map { path in
      let learner = try Checkpoint.read(path).learner
      var pass = ForecastPass(
        learner, of: try forecasts.index(in: learner, model: path), learns: forecasts.learn)
      pass.ranking = forecasts.ranking(learner.shape)
      return Prefetching(pass)
    }
    return settings
  }
}
