import ArgumentParser
import Wafer

/// The model that is simulated, and what is changed of the systems under it.
struct ModelOnSystems: ParsableArguments {
  @Option(help: ArgumentHelp("Override of a system's key; repeatable.", valueName: "key=value"))
  var set: [String] = []

  @Option(
    help: ArgumentHelp("Model shape; default: the model that the trace names.", valueName: "name"))
  var shape: String?

  @Option(help: ArgumentHelp("Weights of the experts; default: bf16.", valueName: "format"))
  var weights: WeightFormat?

  func validate() throws {
    if let shape { _ = try modelShape(shape) }
  }
}
