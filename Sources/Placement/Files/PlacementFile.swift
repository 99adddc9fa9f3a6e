import Wafer

/// What a file of an engine says of where experts lie, in any of ``PlacementFormats``.
///
/// Files name layers and devices in their own ways, and some hold counts from which the engine places
/// by itself; held against a model and its devices, each becomes one placement.
///
/// ```swift
/// let file = try PlacementFile(file: "placement.json")
/// let map = try file.map(modelLayers: shape.modelLayers, experts: shape.experts, gpus: 8)
/// ```
public struct PlacementFile: Sendable {
  /// What the file holds.
  let content: PlacementContent
  /// Its name, for messages.
  let source: String

  init(_ content: PlacementContent, from source: String) {
    (self.content, self.source) = (content, source)
  }

  /// Where the experts of a model lie on a system.
  ///
  /// - Parameters:
  ///   - modelLayers: The model's own numbers of the MoE layers: a file that tells of more layers
  ///     than these is taken to tell of every layer of the model.
  ///   - experts: Experts of a layer.
  /// - Throws: ``PlacementError`` where layers, devices or experts do not fit, naming the layer.
  public func placement(
    modelLayers: [Int], experts: Int, on fabric: Fabric
  ) throws(PlacementError) -> ExpertPlacement {
    try placement(
      modelLayers: modelLayers, experts: experts, devices: fabric.dies,
      butFor: "\(fabric.hardware.name) has \(fabric.dies) dies", "name a system of as many")
  }

  /// Where the experts of a model lie on so many devices: an expert's home is the device with its
  /// first slot.
  ///
  /// - Parameters:
  ///   - modelLayers: As above.
  ///   - experts: Experts of a layer.
  ///   - there: How many devices there are, for messages: `there are 8 devices`.
  ///   - remedy: How to have as many as the file: `give --devices of as many`.
  /// - Throws: ``PlacementError`` where layers, devices or experts do not fit, naming the layer.
  public func placement(
    modelLayers: [Int], experts: Int, devices: Int, butFor there: String, _ remedy: String
  ) throws(PlacementError) -> ExpertPlacement {
    let fit = PlacementFit(
      source: source, modelLayers: modelLayers, experts: experts, devices: devices, there: there,
      remedy: remedy)
    return ExpertPlacement(layers: try fit.devices(of: content).map { Holders(fit.holders($0)) })
  }

  /// The slots of a model's experts on so many GPUs.
  ///
  /// - Parameters: As above.
  /// - Throws: ``PlacementError`` where layers, GPUs or experts do not fit, or GPUs have different
  ///   numbers of slots.
  public func map(
    modelLayers: [Int], experts: Int, gpus: Int, nodes: Int = 1
  ) throws(PlacementError) -> SlotMap {
    let fit = PlacementFit(
      source: source, modelLayers: modelLayers, experts: experts, devices: gpus,
      there: "there are \(gpus) GPUs", remedy: "give as many")
    let layers = try fit.devices(of: content)
    let slots = layers.first?.reduce(0) { $0 + $1.count } ?? experts
    for (layer, devices) in zip(modelLayers, layers) {
      for (gpu, own) in devices.enumerated() where own.count * gpus != slots {
        throw PlacementError(
          "\(source), layer \(layer): GPU \(gpu) has \(own.count) slots of \(slots), which are not"
            + " shared evenly", remedy: "place as many experts on every GPU")
      }
    }
    let layout = try DeviceLayout(
      experts: experts, gpus: gpus, nodes: nodes, redundant: slots - experts)
    return try SlotMap(
      layout: layout, experts: experts, slots: layers.map { $0.flatMap(\.self) })
  }
}

/// What a placement's file holds.
enum PlacementContent: Hashable, Sendable {
  /// By layer: the expert of every slot, to be shared evenly by the devices in order.
  case slots([[Int]], layers: LayerNumbers)
  /// By layer: the experts of every device.
  case devices([[[Int]]], layers: LayerNumbers)
  /// By layer: how often every expert was chosen; the engine places by itself.
  case counts([[Double]])

  /// Which layers a file's rows are.
  enum LayerNumbers: Hashable, Sendable {
    /// The MoE layers, or all of the model's, in order.
    case inOrder
    /// The layers with these of the model's numbers.
    case named([Int])
  }
}
