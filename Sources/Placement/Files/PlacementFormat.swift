/// A format of placements that an engine reads.
///
/// A format is a type in a file of its own; its place in ``PlacementFormats/all`` is all that the
/// program needs to know of it.
public protocol PlacementFormat: SendableMetatype {
  /// The name on the command line.
  static var name: String { get }

  /// What it is and who reads it, in a line for people.
  static var summary: String { get }

  /// How the names of its files end, with the dot.
  static var suffix: String { get }

  /// The bytes of a file that holds a placement; the same for the same placement.
  ///
  /// - Throws: ``PlacementError`` where the placement lacks what the format holds.
  static func bytes(of placement: PlacedModel) throws(PlacementError) -> [UInt8]

  /// Reads a file.
  ///
  /// - Returns: Nil where it is of another format.
  /// - Throws: ``PlacementError`` where it is of this one, and wrong.
  static func file(_ input: PlacementInput) throws(PlacementError) -> PlacementFile?
}

/// All formats of placements.
public enum PlacementFormats {
  /// In the order in which they are tried and listed.
  public static let all: [any PlacementFormat.Type] = [
    SGLangJSON.self, SGLangTorch.self, KTransformersTorch.self, VLLMAscendJSON.self,
    VLLMMappingJSON.self, TensorRTYAML.self,
  ]

  /// The format of this name; nil for none.
  public static func named(_ name: String) -> (any PlacementFormat.Type)? {
    all.first { $0.name == name }
  }
}

/// A placement with what engines' files ask beside the slots.
public struct PlacedModel: Sendable {
  /// Where experts lie.
  public let map: SlotMap
  /// The model's own numbers of the MoE layers, ascending.
  public let moeLayers: [Int]
  /// All layers of the model, dense ones too.
  public let layers: Int
  /// By MoE layer and expert: the loads that were placed from; nil where they are not known.
  public let loads: [[Double]]?

  /// A placement of a model.
  ///
  /// - Parameter layers: All layers of the model; up to the last MoE layer where nil.
  /// - Throws: ``PlacementError`` where these are not the placement's layers, or loads not of its
  ///   experts.
  public init(
    _ map: SlotMap, moeLayers: [Int], layers: Int? = nil, loads: [[Double]]? = nil
  ) throws(PlacementError) {
    let last = moeLayers.last ?? 0
    guard moeLayers.count == map.slots.count, (moeLayers.first ?? 0) >= 0,
      zip(moeLayers, moeLayers.dropFirst()).allSatisfy({ $0 < $1 }), last < layers ?? Int.max
    else {
      throw PlacementError(
        "\(map.slots.count) layers are placed, and the model's MoE layers are"
          + " \(moeLayers.prefix(8)) of \(layers ?? last + 1)",
        remedy: "name every placed layer by its number in the model")
    }
    if let loads {
      guard loads.count == moeLayers.count, loads.allSatisfy({ $0.count == map.experts }) else {
        throw PlacementError(
          "the loads are not those of \(moeLayers.count) layers of \(map.experts) experts",
          remedy: "give those that were placed from")
      }
    }
    (self.map, self.moeLayers, self.loads) = (map, moeLayers, loads)
    self.layers = layers ?? last + 1
  }

  /// By layer of the model: the slots; those of dense layers as of a layer that nobody placed.
  var slotsOfAllLayers: [[Int]] {
    var rows = Array(
      repeating: (0..<map.layout.slots).map { $0 % map.experts }, count: layers)
    for (row, layer) in zip(map.slots, moeLayers) { rows[layer] = row }
    return rows
  }
}
