import RoutingTrace

/// The formats of routing traces that other programs write and ``TraceImporter`` reads.
public enum ForeignFormat: String, CaseIterable, Sendable {
  /// The data set core12345/MoE_expert_selection_trace: a JSON file a request.
  case paperJSON = "paper-json"
  /// The GPT-OSS fingerprinting data set: a JSON file a request, with gate weights.
  case gptOSS = "gpt-oss-json"
  /// A NumPy archive a request, with `routed_experts` and the token ids.
  case npz = "npz"
  /// A NumPy array a request as vLLM returns it.
  case vllmNPY = "vllm-npy"
  /// The MoE-Beyond data set: a CSV file a prompt.
  case moeBeyond = "moe-beyond-csv"
  /// ESFT's expert scores: a folder a task, a text file a layer.
  case esft = "esft"

  /// What it is, in a few words for people.
  public var summary: String {
    switch self {
    case .paperJSON: "MoE_expert_selection_trace JSON, one request a file"
    case .gptOSS: "GPT-OSS fingerprinting JSON, one request a file"
    case .npz: "NumPy archives (.npz), one request a file"
    case .vllmNPY: "vLLM arrays (.npy), one request a file"
    case .moeBeyond: "MoE-Beyond CSV, one prompt a file"
    case .esft: "ESFT expert scores, one folder a task"
    }
  }

  /// The reader of this format.
  var type: any TraceFormat.Type {
    switch self {
    case .paperJSON: SelectionTraceFormat.self
    case .gptOSS: FingerprintFormat.self
    case .npz: RequestArchiveFormat.self
    case .vllmNPY: RoutedArrayFormat.self
    case .moeBeyond: ExpertTableFormat.self
    case .esft: ExpertScoreFormat.self
    }
  }
}

/// A reader of one foreign format: opens one source after another and gives their requests.
protocol TraceFormat {
  /// - Parameter options: what the user knows beside the files.
  init(options: ImportOptions) throws(ImportError)

  /// Whether files of this format may have such a name; used to choose among a folder's files.
  static func accepts(fileNamed name: String) -> Bool

  /// Whether a file that begins so is of this format.
  ///
  /// - Parameters:
  ///   - head: the first bytes, up to a megabyte.
  ///   - name: the file's name without its folder.
  static func recognises(_ head: [UInt8], fileNamed name: String) -> Bool

  /// What is opened at once: a file each, unless the format spreads a request over files.
  static func sources(of files: [FoundFile]) throws(ImportError) -> [TraceSource]

  /// Goes on to `source`, leaving the last one.
  mutating func open(_ source: TraceSource) throws(ImportError)

  /// The next request of the open source; nil where it has no more.
  ///
  /// - Parameter bounds: what its events must keep; formats check what they meet early, the rest is
  ///   checked behind them.
  mutating func next(within bounds: EventBounds) throws(ImportError) -> ForeignRequest?
}

extension TraceFormat {
  static func sources(of files: [FoundFile]) throws(ImportError) -> [TraceSource] {
    files.map { TraceSource(path: $0.path, folder: $0.folder, size: $0.size, files: [$0]) }
  }
}

/// What is known of every event before a request is read.
struct EventBounds {
  /// Experts of a MoE layer (E).
  var experts: Int
  /// Experts a token takes (K), or nil before the first request of a shape that is not given.
  var topK: Int?
}

/// What the user says of the traces beside their files.
public struct ImportOptions: Sendable {
  /// The model, which fixes layers, experts and top-k.
  public var model: ModelShape?
  /// Experts of a MoE layer (E), where the model is not known.
  public var experts: Int?
  /// Experts a token takes (K), where neither a model nor the data says so.
  public var topK: Int?
  /// The model's name for the trace's header; the shape's own where empty.
  public var modelName: String
  /// Tokens of every request's prompt, where the data does not say so.
  public var prefill: Int?
  /// Largest file that is read whole into memory, in bytes; 4 GiB at most. A JSON file takes about
  /// twice its size while it is parsed (measured: 0.87 GB for one of 0.5 GB).
  public var maximumFileSize: Int

  /// The most that simdjson's 32-bit positions reach.
  public static let largestFileSize = 4_294_967_231

  public init(
    model: ModelShape? = nil, experts: Int? = nil, topK: Int? = nil, modelName: String = "",
    prefill: Int? = nil, maximumFileSize: Int = largestFileSize
  ) {
    self.model = model
    self.experts = experts
    self.topK = topK
    self.modelName = modelName
    self.prefill = prefill
    self.maximumFileSize = min(max(1, maximumFileSize), Self.largestFileSize)
  }
}
