import PathText
import SystemPackage

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A file that says where experts lie, as engines write it: which expert each slot of every device
/// holds, layer by layer.
///
/// Read are SGLang's `{"physical_to_logical_map": [[expert, ...], ...]}`, whose slots are shared
/// evenly by the devices in order, and vLLM-Ascend's `{"layer_list": [{"layer_id": n,
/// "device_list": [{"device_id": d, "device_expert": [expert, ...]}]}]}`. The device with an
/// expert's first slot is its home, others hold copies.
public struct PlacementFile: Sendable {
  /// By layer of the file: the experts of every device.
  private let layers: [[[Int]]]
  /// Whether a layer's slots stand in one list, to be shared by the devices.
  private let isFlat: Bool
  private let source: String

  private struct Content: Decodable {
    struct Layer: Decodable {
      struct Device: Decodable {
        let number: Int
        let experts: [Int]

        enum CodingKeys: String, CodingKey {
          case number = "device_id"
          case experts = "device_expert"
        }
      }

      let number: Int
      let devices: [Device]

      enum CodingKeys: String, CodingKey {
        case number = "layer_id"
        case devices = "device_list"
      }
    }

    /// By layer: the expert of every slot.
    let slots: [[Int]]?
    let layers: [Layer]?

    enum CodingKeys: String, CodingKey {
      case slots = "physical_to_logical_map"
      case layers = "layer_list"
    }
  }

  /// Bytes that a file may have.
  private static let maximumFileBytes = 1 << 26

  /// Reads the JSON file at `path`.
  ///
  /// - Throws: ``HardwareError`` where it cannot be read or is no placement.
  public init(file path: String) throws(HardwareError) {
    let bytes: [UInt8]
    do {
      bytes = try firstBytes(of: FilePath(text: path), count: Self.maximumFileBytes + 1)
    } catch {
      throw HardwareError("\(path): cannot be read: \(error); name a placement's JSON file")
    }
    guard bytes.count <= Self.maximumFileBytes else {
      throw HardwareError("\(path): too large for a placement; name a placement's JSON file")
    }
    try self.init(json: bytes, from: path)
  }

  /// Reads a file's bytes.
  ///
  /// - Parameter source: The file's name, for errors.
  /// - Throws: ``HardwareError`` where it is none of the two.
  public init(json: [UInt8], from source: String) throws(HardwareError) {
    self.source = source
    let content: Content
    do { content = try JSONDecoder().decode(Content.self, from: Data(json)) } catch {
      throw HardwareError(
        "\(source): it is no placement; give {\"physical_to_logical_map\": [[expert, ...], ...]} or"
          + " vLLM-Ascend's layer_list")
    }
    if let slots = content.slots {
      (layers, isFlat) = (slots.map { [$0] }, true)
    } else if let list = content.layers {
      layers = list.sorted { $0.number < $1.number }.map { layer in
        layer.devices.sorted { $0.number < $1.number }.map(\.experts)
      }
      isFlat = false
    } else {
      throw HardwareError(
        "\(source): it has neither physical_to_logical_map nor layer_list; give one of them")
    }
  }

  /// Where the experts of a model lie on a system.
  ///
  /// - Parameters:
  ///   - modelLayers: The model's own numbers of the MoE layers: a file that tells of more layers
  ///     than these is taken to tell of every layer of the model.
  ///   - experts: Experts of a layer.
  /// - Throws: ``HardwareError`` where layers, devices or experts do not fit, naming the layer.
  public func placement(
    modelLayers: [Int], experts: Int, on fabric: Fabric
  ) throws(HardwareError) -> ExpertPlacement {
    try placement(
      modelLayers: modelLayers, experts: experts, devices: fabric.dies,
      butFor: "\(fabric.hardware.name) has \(fabric.dies) dies; name a system of as many")
  }

  /// Where the experts of a model lie on so many devices.
  ///
  /// - Parameters:
  ///   - modelLayers: As above.
  ///   - experts: Experts of a layer.
  ///   - remedy: How many devices there are, and how to have as many as the file, for messages:
  ///     `there are 8 devices; give --devices of as many`.
  /// - Throws: ``HardwareError`` where layers, devices or experts do not fit, naming the layer.
  public func placement(
    modelLayers: [Int], experts: Int, devices: Int, butFor remedy: String
  ) throws(HardwareError) -> ExpertPlacement {
    var placed: [Holders] = []
    for (ordinal, number) in modelLayers.enumerated() {
      let row = layers.count > modelLayers.count ? number : ordinal
      guard layers.indices.contains(row) else {
        throw HardwareError(
          "\(source): it places \(layers.count) layers, none of them layer \(number); place every"
            + " MoE layer of the model")
      }
      placed.append(
        try holders(
          try share(layers[row], layer: number, devices, butFor: remedy), layer: number, experts))
    }
    return ExpertPlacement(layers: placed)
  }

  /// The experts of each device.
  private func share(
    _ own: [[Int]], layer: Int, _ devices: Int, butFor remedy: String
  ) throws(HardwareError) -> [[Int]] {
    if isFlat {
      let slots = own[0]
      guard slots.count % devices == 0 else {
        throw HardwareError(
          "\(source), layer \(layer): \(slots.count) slots are not shared evenly, but \(remedy)"
            + " as it was made for")
      }
      let each = slots.count / devices
      return (0..<devices).map { Array(slots[$0 * each..<($0 + 1) * each]) }
    }
    guard own.count == devices else {
      throw HardwareError(
        "\(source), layer \(layer): it places on \(own.count) devices, but \(remedy)")
    }
    return own
  }

  private func holders(
    _ devices: [[Int]], layer: Int, _ experts: Int
  ) throws(HardwareError) -> Holders {
    var nodes: [[Int]] = Array(repeating: [], count: experts)
    for (die, own) in devices.enumerated() {
      for expert in own {
        guard (0..<experts).contains(expert) else {
          throw HardwareError(
            "\(source), layer \(layer): expert \(expert) is none of the model's \(experts); give a"
              + " placement of this model")
        }
        // A device may hold an expert in two slots; it is there once.
        if nodes[expert].last != die { nodes[expert].append(die) }
      }
    }
    if let lost = nodes.firstIndex(where: \.isEmpty) {
      throw HardwareError(
        "\(source), layer \(layer): expert \(lost) lies nowhere; place every expert")
    }
    return Holders(nodes)
  }
}
