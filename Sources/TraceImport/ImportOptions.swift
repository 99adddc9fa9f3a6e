import RoutingTrace

/// What the user says of foreign traces that their files may not say: the model, top-k, where
/// prompts end.
///
/// ```swift
/// let known = ImportOptions(model: ModelShape.named("deepseek-v2-lite"))
/// let unknown = ImportOptions(experts: 64, topK: 8, modelName: "my-moe", prefill: 96)
/// ```
public struct ImportOptions: Sendable {
  /// The model, which fixes layers, experts and top-k. Where neither it nor ``experts`` is given, the
  /// only known model that fits the files is taken, or the number of experts that they tell.
  public var model: ModelShape?
  /// Experts of a MoE layer (E), where the model is not known.
  public var experts: Int?
  /// Experts a token takes (K), where neither a model nor the data says so.
  public var topK: Int?
  /// The model's name for the trace's header; the shape's own where empty.
  public var modelName: String
  /// Tokens of every request's prompt, where the data does not say so.
  public var prefill: Int?
  /// Whether gate weights are read; without them, whatever stands in their place is not looked at.
  public var readsWeights: Bool
  /// Whether a layer that sends every token to the same experts is believed, and so are tokens
  /// whose experts are 0, 1, 2, ... in every layer.
  public var keepsConstant: Bool
  /// Whether the identical tokens at the beginning of the recording are left out.
  public var dropsWarmUp: Bool
  /// Whether archives (zip, tar) are opened, whose files are read into memory.
  public var opensArchives: Bool
  /// Whether the inputs hold other layers of the same requests, and are joined; the files of a folder
  /// where that is the only input.
  public var joins: Bool
  /// Largest file that is read whole into memory, in bytes; 4 GiB at most. A JSON file takes about
  /// twice its size while it is parsed (measured: 0.87 GB for one of 0.5 GB).
  public var maximumFileSize: Int

  /// The most bytes that simdjson's 32-bit positions reach.
  public static let largestFileSize = 4_294_967_231

  /// Whether neither a model nor the number of experts is given, so that a shape is looked for among
  /// the known ones.
  var lacksShape: Bool { model == nil && experts == nil }

  /// Options of what is known; each is nil or empty where it is not, see the properties.
  public init(
    model: ModelShape? = nil, experts: Int? = nil, topK: Int? = nil, modelName: String = "",
    prefill: Int? = nil, readsWeights: Bool = true, keepsConstant: Bool = false,
    dropsWarmUp: Bool = false, joins: Bool = false, opensArchives: Bool = true,
    maximumFileSize: Int = largestFileSize
  ) {
    self.model = model
    self.experts = experts
    self.topK = topK
    self.modelName = modelName
    self.prefill = prefill
    self.readsWeights = readsWeights
    self.keepsConstant = keepsConstant
    self.dropsWarmUp = dropsWarmUp
    self.opensArchives = opensArchives
    self.joins = joins
    self.maximumFileSize = min(max(1, maximumFileSize), Self.largestFileSize)
  }
}
