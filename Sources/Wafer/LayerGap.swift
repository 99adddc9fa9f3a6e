import RoutingTrace

/// The time between MoE layers and the memory beside experts, from the model: attention, its
/// projections, shared experts and dense layers, all computed by every die for its share of the
/// batch.
///
/// Each part takes the longer of its bytes over HBM and its operations over the peak; parts follow
/// each other. Layers without routed experts are spread evenly over those that have them.
///
/// ```swift
/// let gap = LayerGap(model: model, attention: attention, batch: 4096, context: 4096, on: hardware)
/// simulation.gapSeconds = gap.seconds
/// ```
public struct LayerGap: Hashable, Sendable {
  /// Seconds of attention over the cache.
  public let attention: Double
  /// Seconds of the projections before and after it.
  public let projections: Double
  /// Seconds of shared experts.
  public let sharedExperts: Double
  /// Seconds of dense layers.
  public let denseLayers: Double
  /// Bytes that keys and values of the batch take on a die, all layers together.
  public let cacheBytes: Double
  /// Bytes of all weights beside routed experts, which every die holds.
  public let weightBytes: Double

  /// Seconds from one MoE layer's end to the next one's beginning.
  public var seconds: Double { attention + projections + sharedExperts + denseLayers }

  /// - Parameters:
  ///   - format: How weights beside the experts are stored; the cache has 16-bit numbers.
  ///   - batch: Tokens of a step, spread evenly over the dies.
  ///   - context: Tokens that each of them attends to.
  public init(
    model: ModelShape, attention shape: AttentionShape, format: WeightFormat = .bf16, batch: Int,
    context: Int, on hardware: Hardware
  ) {
    let tokens = Double((batch + hardware.dies - 1) / hardware.dies)
    let perMoELayer = Double(model.layers) / Double(model.moeLayers.count)
    let denseLayers = Double(model.layers - model.moeLayers.count)
    func seconds(bytes: Double, flops: Double) -> Double {
      max(
        bytes / hardware.hbmBandwidth,
        flops / (hardware.computeFlops * hardware.computeEfficiency))
    }
    func weights(_ parameters: Int) -> Double {
      seconds(
        bytes: Double(parameters) * format.bytesPerParameter,
        flops: 2 * Double(parameters) * tokens)
    }
    let pairs = tokens * Double(context)
    let cached = pairs * Double(shape.cachedNumbers) * 2
    attention =
      perMoELayer * seconds(bytes: cached, flops: pairs * Double(shape.flopsPerPair))
    let projected = shape.projectionParameters(hidden: model.hidden)
    projections = perMoELayer * weights(projected)
    let shared = model.sharedExperts * model.parametersPerExpert
    sharedExperts = weights(shared)
    let dense = 3 * model.hidden * shape.denseIntermediate
    self.denseLayers = denseLayers / Double(model.moeLayers.count) * weights(dense)
    cacheBytes = cached * Double(model.layers)
    weightBytes =
      format.bytesPerParameter
      * (Double(model.layers) * Double(projected) + Double(model.moeLayers.count) * Double(shared)
        + denseLayers * Double(dense))
  }
}
