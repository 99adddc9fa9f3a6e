import Archive
import FoundationEssentials
import MemoryBudget
import RoutingTrace

/// One NumPy array of all tokens, request after request, with a JSON file beside it that says which
/// rows are whose; `import --format vllm-npy` reads both.
///
/// Requests stand in the order of their ends. Memory: two bytes an id of the whole trace.
public struct TraceNPY: TraceExporter {
  /// The format on the command line.
  public static let name = "npy"
  /// What stands in the files, for people.
  public static let summary = """
    one NumPy array [tokens, model layers, k] int16, -1 in empty slots and in layers that do not \
    route, request after request, and OUTPUT.json beside it: requests with name, task, rows and \
    input_token_count (rows of the prompt), model, experts, model_layers; without gate weights; held \
    in memory until the end; `import --format vllm-npy` reads it back.
    """
  /// How its outputs end.
  public static let suffixes = [".npy"]
  /// An array and its JSON file.
  public static let target = ExportTarget.pair
  /// As arrays do, and as the file beside them.
  public static func mayBegin(_ head: [UInt8], of file: String) -> Bool {
    head.starts(with: file == ExportFile.output ? NPYArray.magic : Array("{\"experts\":".utf8))
  }

  /// What the JSON file's name has behind the array's.
  static let sidecar = ".json"

  /// A request's rows.
  private struct Rows: Encodable {
    var requestID: String
    var task: String
    var rows: Int
    var prompt: Int

    enum CodingKeys: String, CodingKey {
      case requestID = "request_id"
      case task
      case rows
      case prompt = "input_token_count"
    }
  }

  /// What the JSON file holds.
  private struct Sidecar: Encodable {
    var model: String
    var experts: Int
    var modelLayers: [Int]
    /// Where there is one request only, as vLLM's users write it.
    var prompt: Int?
    var requests: [Rows]

    enum CodingKeys: String, CodingKey {
      case model, experts, requests
      case modelLayers = "model_layers"
      case prompt = "input_token_count"
    }
  }

  private let header: TraceHeader
  private let rows: RoutedRows
  private let memory = AvailableMemory.ofThisProcess()
  private var collected: WholeRequests
  private var ids: [Int16] = []
  private var requests: [Rows] = []
  private var hasWeights = false

  /// An exporter of traces with this header.
  public init(_ header: TraceHeader, _ settings: ExportSettings) {
    self.header = header
    rows = RoutedRows(header.shape)
    collected = WholeRequests(header.shape)
  }

  /// Adds a block.
  public mutating func add(_ block: TokenBlock, to output: any ExportOutput) throws {
    // What stands in its place is found out before all is read.
    try output.write([], to: Self.sidecar)
    hasWeights = hasWeights || block.weights != nil
    try take(try collected.add(block))
  }

  /// Writes the array and the file beside it.
  public mutating func finish(to output: any ExportOutput) throws {
    try take(collected.finish())
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let sidecar = Sidecar(
      model: header.shape.model, experts: header.shape.experts,
      modelLayers: header.shape.modelLayers,
      prompt: requests.count == 1 ? requests.first?.prompt : nil, requests: requests)
    try output.write(Array(try encoder.encode(sidecar)) + [0x0A], to: Self.sidecar)
    let tokens = requests.reduce(0) { $0 + $1.rows }
    try output.write(NPYArray.header(.signed(bytes: 2), shape: rows.axes(tokens: tokens)))
    try ids.withUnsafeBytes { try output.write($0, to: ExportFile.output) }
  }

  /// What the array does not tell.
  public var omissions: [String] {
    hasWeights ? ["gate weights are left out; --to npz has them"] : []
  }

  private mutating func take(_ ended: [RequestTrace]) throws {
    for request in ended {
      let own = rows.ids(request.ids)
      try memory.check(
        MemoryDemand(
          "the array", bytes: 2 * (ids.count + own.count),
          alternatives: [.init("--to npz writes a file a request", bytes: 0)]))
      ids += own
      requests.append(
        Rows(
          requestID: request.name, task: request.task,
          rows: request.ids.count / header.shape.idsPerToken, prompt: request.prefill))
    }
  }
}
