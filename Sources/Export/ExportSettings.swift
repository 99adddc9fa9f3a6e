import Placement
import RoutingTrace
import Wafer

/// What exporters are told beside their model or trace; see ``ExportOption``.
public struct ExportSettings {
  /// What an expert weighs in a cache.
  public var objectSize: UInt32?
  /// Forecasts that are written beside what happened.
  public var prefetching: Prefetching?
  /// Devices, or dies, that share the experts of a layer.
  public var devices: Int?
  /// Where experts lie; contiguous where nothing says.
  public var placement: PlacementFile?
  /// Requests under way at a time.
  public var batch: Int?
  /// Bytes of a token's activations.
  public var tokenBytes: Int?
  /// Followers of an expert that count as expected.
  public var topN: Int?
  /// Copies that a die may hold, of all layers.
  public var copyEntries: Int?

  /// Nothing told.
  public init() {}

  /// Where experts lie on so many devices.
  ///
  /// - Throws: `PlacementError` where the file is of another system or model.
  func placement(of shape: TraceShape, devices: Int) throws -> ExpertPlacement {
    guard let placement else {
      let homes = (0..<shape.experts).map { $0 * devices / shape.experts }
      return ExpertPlacement(
        layers: Array(repeating: Holders(homes: homes), count: shape.layers))
    }
    return try placement.placement(
      modelLayers: shape.modelLayers, experts: shape.experts, devices: devices,
      butFor: "there are \(devices) devices", "give --devices of as many")
  }
}

/// Options of `moecast export` that some formats heed.
public enum ExportOption: String, Sendable {
  /// What an expert weighs, in the unit of the simulator.
  case objectSize = "--object-size"
  /// A model whose forecasts are written beside what happened.
  case prefetches = "--prefetches"
  /// Devices, or dies, that share the experts of a layer.
  case devices = "--devices"
  /// Where experts lie.
  case placement = "--placement"
  /// Requests under way at a time.
  case batch = "--batch"
  /// Bytes of a token's activations.
  case tokenBytes = "--token-bytes"
  /// Followers of an expert that count as expected.
  case topN = "--top-n"
  /// Copies that a die may hold, of all layers.
  case copyEntries = "--copy-entries"
}
