import RoutingTrace

/// How expert weights are stored; block scales of four-bit formats are counted.
public enum WeightFormat: String, CaseIterable, Codable, Sendable {
  /// 16 bits.
  case bf16
  /// 8 bits.
  case fp8
  /// 4 bits and one 8-bit scale for 16 weights.
  case nvfp4
  /// 4 bits and one 8-bit scale for 32 weights.
  case mxfp4

  /// Bytes a parameter.
  public var bytesPerParameter: Double {
    switch self {
    case .bf16: 2
    case .fp8: 1
    case .nvfp4: 0.5 + 1.0 / 16
    case .mxfp4: 0.5 + 1.0 / 32
    }
  }
}

/// What one routed expert costs to move and to compute.
public struct ExpertCost: Hashable, Sendable {
  /// Bytes of one expert's weights (W).
  public let weightBytes: Double
  /// Floating point operations of one request: two a parameter (F).
  public let flopsPerRequest: Double
  /// Activation bytes of one request at its die: read h, write i, read i, write h, two bytes each
  /// (A).
  public let activationBytesPerRequest: Double

  /// The costs of an expert of any kind.
  public init(
    weightBytes: Double, flopsPerRequest: Double, activationBytesPerRequest: Double
  ) {
    self.weightBytes = weightBytes
    self.flopsPerRequest = flopsPerRequest
    self.activationBytesPerRequest = activationBytesPerRequest
  }

  /// The costs of one expert of `shape`, its weights in `format`.
  public init(shape: ModelShape, format: WeightFormat) {
    let parameters = Double(shape.parametersPerExpert)
    weightBytes = parameters * format.bytesPerParameter
    flopsPerRequest = 2 * parameters
    activationBytesPerRequest = 2.0 * 2 * Double(shape.hidden + shape.intermediate)
  }
}
