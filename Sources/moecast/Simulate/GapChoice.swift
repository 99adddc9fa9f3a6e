import ArgumentParser
import RoutingTrace
import Wafer

/// Time between MoE layers from the model.
struct GapChoice: ParsableArguments {
  enum Source: String, CaseIterable, ExpressibleByArgument {
    case model
  }

  @Option(
    help: ArgumentHelp(
      """
      Time between MoE layers from attention, projections, shared experts and dense layers of the \
      model, every die computing its share of the batch; KV cache and those weights take their part \
      of HBM.
      """, valueName: "model"))
  var gap: Source?

  @Option(
    help: ArgumentHelp(
      "Tokens that a token attends to, for --gap model; default: 4096.", valueName: "tokens"))
  var context: Int?

  func validate() throws {
    try refuse([("--context", context != nil)], unless: gap != nil, "it is for --gap model")
    guard (0...1 << 24).contains(context ?? 0) else {
      throw ValidationError("--context is from 0 to 16,777,216")
    }
  }

  /// What lies between the layers of a batch; nil where it was not asked for.
  ///
  /// - Throws: `SimulationError` where nobody knows the model's attention.
  func layerGap(_ model: ModelShape, batch: Int, on hardware: Hardware) throws -> LayerGap? {
    guard gap != nil else { return nil }
    guard let attention = AttentionShape.of(model) else {
      throw ValidationError(
        "--gap model: the attention of \(model.name) is not known; give --gap-seconds")
    }
    return LayerGap(
      model: model, attention: attention, batch: batch, context: context ?? 4096, on: hardware)
  }
}
