import ArgumentParser
import Demand
import Staging
import Wafer

/// The staging engine's options.
struct StagingChoices: ParsableArguments {
  @Option(
    name: .customLong("forecast"),
    help: """
      Forecasts for the strategy staged, with commas: \(names(ForecastChoice.self)). (default: \
      heatmap; with --sweep also the mixture, where requests are real)
      """)
  var forecasts: String?

  @Option(help: "Which copy makes room: \(names(EvictionPolicy.self)).")
  var eviction = EvictionPolicy.leastExpected

  @Option(
    help: """
      Layers ahead that are staged into the buffer; 0 for none. The mixture looks 4 layers ahead; \
      beyond, only earlier tokens tell.
      """)
  var horizon = 1

  @Option(help: "Bytes of a die's staging buffer; default: its LLC.")
  var bufferBytes: Double?

  @Option(help: "Bytes a die may hold in copies; default: what homes and system leave.")
  var copyBytes: Double?

  @Option(help: "Share of idle memory and link time that transfers may take.")
  var bandwidthShare = 1.0

  @Option(help: "Seconds between MoE layers, for attention and dense layers.")
  var gapSeconds = 0.0

  @Flag(help: "Bring everything expected, whatever it may push out.")
  var noHoldBack = false

  func check() throws {
    _ = try chosen()
    guard horizon >= 0, (0...1).contains(bandwidthShare), gapSeconds >= 0, gapSeconds.isFinite,
      bufferBytes ?? 0 >= 0, copyBytes ?? 0 >= 0
    else {
      throw ValidationError(
        "--horizon, --gap-seconds and bytes are at least 0, --bandwidth-share is from 0 to 1")
    }
  }

  func chosen() throws -> [ForecastChoice] {
    try commaSeparated(forecasts ?? "heatmap", "--forecast", names(ForecastChoice.self)) {
      ForecastChoice(rawValue: $0)
    }
  }

  func options(_ choices: SimulationChoices) -> StagingOptions {
    var options = StagingOptions()
    options.eviction = eviction
    options.horizon = horizon
    options.bufferBytes = bufferBytes
    options.copyBytes = copyBytes
    options.bandwidthShare = bandwidthShare
    options.gapSeconds = gapSeconds
    options.holdsBack = !noHoldBack
    options.placement = choices.placement
    options.allocation = choices.options.allocation
    return options
  }
}

extension EvictionPolicy: ExpressibleByArgument {}

/// The values of a comma-separated option.
///
/// - Throws: `ValidationError` naming the option and what it takes.
func commaSeparated<Value>(
  _ text: String, _ option: String, _ wanted: String, _ parse: (String) -> Value?
) throws -> [Value] {
  let words = text.split(separator: ",").map(String.init)
  guard !words.isEmpty else { throw ValidationError("\(option) is empty; give \(wanted)") }
  return try words.map { word in
    guard let value = parse(word) else {
      throw ValidationError("\(option) '\(word)' is none of \(wanted)")
    }
    return value
  }
}
