import ArgumentParser
import RoutingTrace
import Wafer

/// The model that is simulated, and what is changed of the systems under it.
struct ModelOnSystems: ParsableArguments {
  @OptionGroup var overrides: SystemOverrides

  @Option(
    help: ArgumentHelp("Model shape; default: the model that the trace names.", valueName: "name"),
    completion: .list(ModelShape.names))
  var shape: String?

  @Option(help: ArgumentHelp("Weights of the experts; default: bf16.", valueName: "format"))
  var weights: WeightFormat?

  func validate() throws {
    if let shape { _ = try modelShape(shape) }
  }
}
