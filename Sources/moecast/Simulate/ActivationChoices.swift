import ArgumentParser
import Wafer

/// How activations travel.
struct ActivationChoices: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Bound engine: activations on links, \(names(ActivationOptions.Ways.self)); default: none.",
      valueName: "ways"))
  var activations: ActivationOptions.Ways?

  @Option(
    help: ArgumentHelp("Bytes a number on the way to experts; default: 2.", valueName: "bytes"))
  var dispatchBytes: Double?

  @Option(help: ArgumentHelp("Bytes a number on the way back; default: 2.", valueName: "bytes"))
  var combineBytes: Double?

  func validate() throws {
    try refuse(
      [("--dispatch-bytes", dispatchBytes != nil), ("--combine-bytes", combineBytes != nil)],
      unless: activations ?? .none != .none, "it is for --activations unicast or multicast")
    guard [dispatchBytes, combineBytes].allSatisfy({ (0...64).contains($0 ?? 0) }) else {
      throw ValidationError("--dispatch-bytes and --combine-bytes are from 0 to 64")
    }
  }

  /// Whether links carry activations.
  var isGiven: Bool { activations ?? .none != .none }

  var options: ActivationOptions {
    var options = ActivationOptions()
    options.ways = activations ?? .none
    if let dispatchBytes { options.dispatchBytes = dispatchBytes }
    if let combineBytes { options.combineBytes = combineBytes }
    return options
  }
}

extension ActivationOptions.Ways: ExpressibleByArgument {}
