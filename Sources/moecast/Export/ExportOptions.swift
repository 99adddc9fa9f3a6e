import ArgumentParser
import Export
import ModelFile
import Prequential

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

  func validate() throws {
    if objectSize == 0 { throw ValidationError("--object-size is a number from 1") }
  }

  /// Throws where an option is given that `exporter` does not heed.
  func refuseIdle(for exporter: any Exporter.Type) throws {
    let given: [(option: ExportOption, isGiven: Bool)] = [
      (.objectSize, objectSize != nil), (.prefetches, prefetches != nil),
    ]
    for (option, isGiven) in given {
      try refuse(
        [(option.rawValue, isGiven)], unless: exporter.heeds.contains(option),
        "--to \(exporter.name) has no place for it")
    }
    try refuse(
      [
        ("--predictor", forecasts.predictor != nil), ("--top", forecasts.top != nil),
        ("--above", forecasts.above != 0), ("--learn", forecasts.learn),
      ], unless: prefetches != nil, "nothing is forecast without --prefetches")
  }

  /// What the exporter is told.
  func settings() throws -> ExportSettings {
    var settings = ExportSettings()
    settings.objectSize = objectSize
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
