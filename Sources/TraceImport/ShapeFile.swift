import FoundationEssentials
import RoutingTrace

/// A model's shape in a JSON file: the project's own keys, or the `config.json` of a model as
/// transformers writes it.
///
/// ```json
/// {"name": "my-moe", "layers": 24, "moe_layers": [1, 3, 5], "experts": 64, "top_k": 8,
///  "shared_experts": 1, "hidden": 2048, "intermediate": 1024}
/// ```
///
/// Needed are layers, experts and top-k. Without `moe_layers` all layers route, but for those that
/// the keys of a `config.json` say are dense.
public struct ShapeFile {
  /// The shape that the file holds.
  public let model: ModelShape

  /// The longest file read, in bytes.
  private static let longest = 1 << 20

  /// Reads the file at `path`; its name is the model's where the file tells none.
  ///
  /// - Throws: ``ImportError`` where it cannot be read or holds no shape.
  public init(_ path: String) throws(ImportError) {
    let bytes = FileBytes(limit: Self.longest)
    try bytes.read(path)
    let keys: Keys
    do {
      keys = try JSONDecoder().decode(Keys.self, from: Data(bytes.bytes))
    } catch {
      throw Self.fault(path, "it is no JSON object of a shape's keys: \(Self.text(error))")
    }
    // Models of text and images have the text model's keys inside.
    model = try Self.shape((keys.textConfig ?? []).first ?? keys, outer: keys, path: path)
  }

  /// Keys of both kinds of file.
  private struct Keys: Decodable {
    var name, modelType: String?
    var layers, experts, topK, shared, hidden, intermediate: Int?
    var moeLayers: [Int]?
    /// Layers that stand dense at the beginning, and every how many layers routes.
    var firstDense, interval: Int?
    /// Dense layers by their numbers.
    var dense: [Int]?
    /// The object of the text model; a list, since a value cannot hold itself.
    var textConfig: [Keys]?

    private struct Key: CodingKey {
      var stringValue: String
      var intValue: Int? { nil }
      init(stringValue: String) { self.stringValue = stringValue }
      init?(intValue: Int) { nil }
    }

    init(from decoder: any Decoder) throws {
      let values = try decoder.container(keyedBy: Key.self)
      func first<Value: Decodable>(_ names: String..., as type: Value.Type) throws -> Value? {
        for name in names {
          if let value = try values.decodeIfPresent(type, forKey: Key(stringValue: name)) {
            return value
          }
        }
        return nil
      }
      name = try first("name", "_name_or_path", as: String.self)
      modelType = try first("model_type", as: String.self)
      layers = try first("layers", "num_hidden_layers", "num_layers", "n_layers", as: Int.self)
      experts = try first(
        "experts", "n_routed_experts", "num_experts", "num_local_experts", "moe_num_experts",
        as: Int.self)
      topK = try first(
        "top_k", "num_experts_per_tok", "num_experts_per_token", "moe_topk", "moe_top_k", "moe_k",
        as: Int.self)
      shared = try first(
        "shared_experts", "n_shared_experts", "num_shared_experts", "moe_num_shared_experts",
        as: Int.self)
      hidden = try first("hidden", "hidden_size", as: Int.self)
      intermediate = try first(
        "intermediate", "moe_intermediate_size", "intermediate_size", as: Int.self)
      if let text = try? first("moe_layers_enum", as: String.self) {
        moeLayers = text.split(separator: ",").compactMap {
          Int($0.filter { !$0.isWhitespace })
        }
      } else {
        moeLayers = try first("moe_layers", as: [Int].self)
      }
      firstDense = try first("first_k_dense_replace", "moe_layer_start_index", as: Int.self)
      interval = try first("decoder_sparse_step", "interleave_moe_layer_step", as: Int.self)
      dense = try first("mlp_only_layers", as: [Int].self)
      textConfig = try first("text_config", as: Keys.self).map { [$0] }
    }
  }

  private static func shape(
    _ keys: Keys, outer: Keys, path: String
  ) throws(ImportError) -> ModelShape {
    guard let layers = keys.layers, let experts = keys.experts, let topK = keys.topK else {
      let missing = [
        (keys.layers, "layers (num_hidden_layers)"), (keys.experts, "experts (num_experts)"),
        (keys.topK, "top_k (num_experts_per_tok)"),
      ].filter { $0.0 == nil }.map(\.1)
      throw fault(path, "it lacks \(missing.joined(separator: ", "))")
    }
    guard (1...65_535).contains(layers) else {
      throw fault(path, "\(layers) layers are impossible")
    }
    let interval = max(1, keys.interval ?? 1)
    let dense = Set(keys.dense ?? [])
    let routing =
      keys.moeLayers
      ?? (0..<layers).filter {
        $0 >= keys.firstDense ?? 0 && ($0 + 1) % interval == 0 && !dense.contains($0)
      }
    guard routing.allSatisfy({ (0..<layers).contains($0) }), Set(routing).count == routing.count
    else { throw fault(path, "its moe_layers are not among 0 to \(layers - 1), or twice") }
    let named = keys.name ?? outer.name ?? ""
    let stem = lastComponent(path)
    let model = ModelShape(
      name: named.isEmpty ? String(stem.prefix { $0 != "." }) : lastComponent(named),
      layers: layers, moeLayers: routing.sorted(), experts: experts,
      sharedExperts: keys.shared ?? 0,
      topK: topK, hidden: keys.hidden ?? 0, intermediate: keys.intermediate ?? 0)
    do { _ = try model.traceShape() } catch { throw fault(path, "\(error)") }
    return model
  }

  private static func fault(_ path: String, _ problem: String) -> ImportError {
    ImportError(
      .malformed, file: path, problem: problem,
      remedy:
        "write {\"layers\": 24, \"experts\": 64, \"top_k\": 8}, and moe_layers where some are "
        + "dense; or name the model's config.json")
  }

  /// What the decoder says, in few words.
  private static func text(_ error: any Error) -> String {
    switch error as? DecodingError {
    case .typeMismatch(_, let context), .valueNotFound(_, let context):
      "\(context.codingPath.map(\.stringValue).joined(separator: ".")) is of another type"
    default: "not valid JSON"
    }
  }
}
