import ArgumentParser
import Demand
import Staging
import Wafer

/// What the staging engine of `simulate strategies` stages by.
struct StagingForecasts: ParsableArguments {
  @Option(
    name: .customLong("forecast"),
    help: ArgumentHelp(
      """
      Forecasts to stage by, with commas: \(ForecastSource.known) of moecast forecast or another \
      predictor, of these very traces; default: none, persistence, heatmap.
      """, valueName: "names"))
  var forecasts: String?

  func validate() throws { _ = try chosen() }

  /// The forecasts asked for.
  func chosen() throws -> [ForecastSource] {
    try ForecastSource.list(forecasts ?? "none,persistence,heatmap")
  }

  /// The options, with whether they were given.
  var given: [(name: String, isGiven: Bool)] { [("--forecast", forecasts != nil)] }
}

/// The forecasts of `--forecast`, where they can be ours alone.
func forecastChoices(_ text: String) throws -> [ForecastChoice] {
  try commaSeparated(text, "--forecast", names(ForecastChoice.self)) {
    ForecastChoice(rawValue: $0)
  }
}

/// The staging engine's options; what is not given is as ``StagingOptions`` has it.
struct StagingChoices: ParsableArguments {
  @Option(help: ArgumentHelp("Which copy makes room; default: expected.", valueName: "policy"))
  var eviction: EvictionPolicy?

  @Option(
    help: ArgumentHelp(
      """
      Layers ahead that are staged into the buffer, 0 for none; default: 1. The mixture looks 4 \
      layers ahead; beyond, only earlier tokens tell.
      """, valueName: "layers"))
  var horizon: Int?

  @Option(
    help: ArgumentHelp(
      "A die's staging buffer, one beyond its LLC in HBM; default: its LLC.", valueName: "bytes"),
    transform: takingBytes)
  var bufferBytes: Double?

  @Option(
    help: ArgumentHelp(
      "What a die may hold in copies; default: what homes and system leave.", valueName: "bytes"),
    transform: takingBytes)
  var copyBytes: Double?

  @Option(
    help: ArgumentHelp(
      "Share of idle memory and link time that transfers may take; default: 1.",
      valueName: "share"))
  var bandwidthShare: Double?

  @Option(
    help: ArgumentHelp(
      """
      Time between MoE layers, for attention and dense layers, in which transfers may move and \
      which counts for tokens/s; default: 0.
      """, valueName: "seconds"), transform: takingSeconds)
  var gapSeconds: Double?

  @Flag(help: "Bring everything expected, whatever it may push out.")
  var noHoldBack = false

  func validate() throws {
    guard horizon ?? 0 >= 0, (0...1).contains(bandwidthShare ?? 1),
      [bufferBytes, copyBytes, gapSeconds].allSatisfy({ (0..<Double.infinity).contains($0 ?? 0) })
    else {
      throw ValidationError(
        "--horizon, --gap-seconds and bytes are at least 0 and finite, --bandwidth-share is from 0 to 1"
      )
    }
  }

  /// Refuses a horizon beyond what any of the forecasts looks ahead.
  ///
  /// - Parameter longest: layers ahead of which each forecast tells, by its name; nil for any.
  func checkHorizon(_ longest: [(name: String, layers: Int?)]) throws {
    guard let horizon, horizon > 0, !longest.isEmpty else { return }
    let known = longest.compactMap { name, layers in layers.map { (name: name, layers: $0) } }
    guard known.count == longest.count, known.allSatisfy({ $0.layers < horizon }) else { return }
    throw ValidationError(
      "--horizon \(horizon) would do nothing: "
        + known.map { "\($0.name) looks \(counted($0.layers, "layer")) ahead" }
        .joined(separator: ", "))
  }

  /// The options, with whether they were given.
  var given: [(name: String, isGiven: Bool)] {
    [
      ("--eviction", eviction != nil), ("--horizon", horizon != nil),
      ("--buffer-bytes", bufferBytes != nil), ("--copy-bytes", copyBytes != nil),
      ("--bandwidth-share", bandwidthShare != nil), ("--no-hold-back", noHoldBack),
    ]
  }

  /// The staging engine's options, with those of the paper's strategies that it shares.
  func options(_ choices: SimulationChoices) -> StagingOptions {
    var options = StagingOptions()
    if let eviction { options.eviction = eviction }
    if let horizon { options.horizon = horizon }
    options.bufferBytes = bufferBytes
    options.copyBytes = copyBytes
    if let bandwidthShare { options.bandwidthShare = bandwidthShare }
    if let gapSeconds { options.gapSeconds = gapSeconds }
    options.holdsBack = !noHoldBack
    let shared = choices.options
    options.placement = shared.placement
    options.enforcesCapacity = shared.enforcesCapacity
    options.copyEntries = shared.copyEntries
    options.allocation = shared.allocation
    return options
  }
}

extension EvictionPolicy: ExpressibleByArgument {}
