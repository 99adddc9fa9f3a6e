/// What a placement comes to on batches: means over MoE layers and steps, unless told otherwise.
public struct PlacementFigures: Hashable, Sendable {
  /// ``GPUBalance/sglang(_:)``, mean.
  public var balancedness = 0.0
  /// ``GPUBalance/tensorRT(_:)``, mean.
  public var imbalance = 0.0
  /// The most loaded GPU over the mean one, of all batches together; mean over layers. Free of what
  /// chance does in a single batch.
  public var maxOverMean = 0.0
  /// Messages of a token to other GPUs in a layer: one to each that computes any of its experts.
  public var messagesPerToken = 0.0
  /// Bytes of a layer from GPU to GPU: tokens on their way to experts, and results back.
  public var dispatchBytes = 0.0
  public var combineBytes = 0.0
  /// Those of them that go from node to node.
  public var dispatchBytesBetweenNodes = 0.0
  public var combineBytesBetweenNodes = 0.0
  /// Seconds of the busiest GPU's experts: the sum of each one's roofline time.
  public var expertSeconds = 0.0
  /// Seconds of a layer: dispatch, experts, combine, one after the other.
  public var layerSeconds = 0.0
  /// `[from GPU, to GPU]`: bytes of dispatch in a layer; nothing on the diagonal.
  public var traffic: [[Double]]

  /// Nothing judged yet.
  init(gpus: Int) {
    traffic = Array(repeating: Array(repeating: 0, count: gpus), count: gpus)
  }
}
