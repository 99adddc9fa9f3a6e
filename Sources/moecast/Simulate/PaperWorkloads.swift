import Demand
import RoutingTrace
import Staging
import Wafer

extension RequestPool {
  /// The requests as those of a model: as they are where they are its own, else scaled to its shape.
  ///
  /// - Parameter format: nil for the weights in which the model is published.
  /// - Throws: `TraceError` where the model has no shape that a trace could have.
  func workload(as model: ModelShape, _ format: WeightFormat?) throws -> Sweep.Workload {
    let target = try model.traceShape()
    let isOwn = target.isCompatible(with: shape)
    let source = shape.model.isEmpty ? "this trace" : shape.model
    return Sweep.Workload(
      model: model, format: format ?? model.publishedFormat,
      pool: isOwn ? self : scaled(to: target),
      origin: isOwn ? Sweep.Workload.real : "scaled from \(source)")
  }
}

extension ModelShape {
  /// The weights in which the model is published: fp8 for DeepSeek-V3 and Kimi K2, else bf16.
  fileprivate var publishedFormat: WeightFormat {
    ["deepseek-v3", "kimi-k2"].contains(name) ? .fp8 : .bf16
  }
}
