/// What every event of a trace has in common: which layers route, among how many experts, how many
/// each token takes.
///
/// ```swift
/// let shape = try TraceShape(
///   model: "llama-4-maverick", modelLayers: Array(stride(from: 1, to: 48, by: 2)), experts: 128,
///   topK: 1)
/// print(shape)   // llama-4-maverick: 24 MoE layers, top-1 of 128 experts
/// ```
///
/// A *MoE layer* is an ordinal counted from 0 over the layers that route; its *model layer* is the
/// model's own number for it (Llama-4 Maverick routes in model layers 1, 3, ... 47, so its MoE
/// layer 0 is model layer 1).
public struct TraceShape: Hashable, Sendable {
  /// The longest name of a model, in bytes of UTF-8: as much as a path. Traces and model files hold
  /// it.
  public static let maximumNameBytes = 4096

  /// The model's name, as far as it is known; empty where it is not.
  public let model: String
  /// Model layer number of every MoE layer, ascending; its count is the number of MoE layers.
  public let modelLayers: [Int]
  /// Experts the router chooses from in every MoE layer (E).
  public let experts: Int
  /// Experts chosen for a token in a layer (K); an event may hold fewer.
  public let topK: Int

  /// Number of MoE layers (L).
  public var layers: Int { modelLayers.count }

  /// Ids in one token: `layers * topK`.
  public var idsPerToken: Int { layers * topK }

  /// A shape within the bounds that every shape must keep: at most 4,096 layers, 32,768 experts,
  /// top-64, and a name without NUL of at most ``maximumNameBytes``.
  ///
  /// - Parameters:
  ///   - model: the model's name; empty where it is not known.
  ///   - modelLayers: model layer number of every MoE layer, ascending.
  ///   - experts: experts of every MoE layer (E).
  ///   - topK: experts chosen for a token in a layer (K), at most E.
  /// - Throws: ``ShapeError`` naming the bound that is broken.
  /// - Complexity: O(`modelLayers`).
  public init(model: String = "", modelLayers: [Int], experts: Int, topK: Int) throws(ShapeError) {
    guard (1...4096).contains(modelLayers.count) else {
      throw ShapeError("has \(modelLayers.count) MoE layers; 1 to 4,096 are possible")
    }
    guard zip(modelLayers, modelLayers.dropFirst()).allSatisfy(<),
      modelLayers.allSatisfy({ (0...65535).contains($0) })
    else {
      throw ShapeError("its model layer numbers do not ascend within 0 to 65,535")
    }
    guard (1...32768).contains(experts) else {
      throw ShapeError("has \(experts) experts; 1 to 32,768 are possible")
    }
    guard (1...min(64, experts)).contains(topK) else {
      throw ShapeError(
        "chooses \(topK) of \(experts) experts; 1 to \(min(64, experts)) are possible")
    }
    if let problem = Self.problem(ofName: model) { throw ShapeError(problem, isOfName: true) }
    self.model = model
    self.modelLayers = modelLayers
    self.experts = experts
    self.topK = topK
  }

  /// Another shape with a name of its own.
  private init(_ other: TraceShape, model: String) {
    self.model = model
    modelLayers = other.modelLayers
    experts = other.experts
    topK = other.topK
  }

  /// This shape with the name of `other`, where it has none of its own.
  public func named(as other: TraceShape) -> TraceShape {
    model.isEmpty ? TraceShape(self, model: other.model) : self
  }

  /// What keeps `name` from being a model's, in words that follow "the shape"; nil for a good one.
  ///
  /// Text formats end a name at a NUL, so one that holds it would not come back as it was.
  public static func problem(ofName name: String) -> String? {
    if name.utf8.contains(0) { return "names its model with a NUL in it" }
    let bytes = name.utf8.count
    guard bytes > maximumNameBytes else { return nil }
    return "names its model in \(bytes) bytes; at most \(maximumNameBytes) are possible"
  }

  /// Whether traces of both shapes can feed one model: all but the name must agree.
  public func isCompatible(with other: TraceShape) -> Bool {
    modelLayers == other.modelLayers && experts == other.experts && topK == other.topK
  }

  /// Whether both can be of one and the same model: they are compatible, and of one name where both
  /// have one.
  public func isOfSameModel(as other: TraceShape) -> Bool {
    isCompatible(with: other) && (model.isEmpty || other.model.isEmpty || model == other.model)
  }
}

extension TraceShape: CustomStringConvertible {
  /// One line for people: `llama-4-maverick: 24 MoE layers, top-1 of 128 experts`.
  public var description: String {
    (model.isEmpty ? "" : model + ": ") + "\(layers) MoE layers, top-\(topK) of \(experts) experts"
  }
}

/// Why numbers are no shape of a trace.
public struct ShapeError: Error, Hashable, CustomStringConvertible {
  /// The bound that is broken, in words.
  public let description: String
  /// Whether it is only the model's name that is at fault.
  public let isOfName: Bool

  init(_ problem: String, isOfName: Bool = false) {
    description = "the shape " + problem
    self.isOfName = isOfName
  }
}
