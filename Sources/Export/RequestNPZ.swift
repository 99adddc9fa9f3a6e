import Archive
import RoutingTrace

/// A folder of NumPy archives, one a request, as scripts save them from vLLM and `import` reads them.
///
/// Requests are numbered in the order of their ends. Memory: the requests under way.
public struct RequestNPZ: TraceExporter {
  /// The format on the command line.
  public static let name = "npz"
  /// What stands in the folder, for people.
  public static let summary = """
    a new folder of NumPy archives, one a request: routed_experts [tokens, model layers, k] int16, -1 \
    in empty slots and in layers that do not route, routing_weights as float16 where there are any, \
    request_id, task, and prompt_token_ids and output_token_ids, whose lengths are true and whose ids \
    are -1: a trace has none; `import --format npz` reads it back.
    """
  /// None: the output is a folder.
  public static let suffixes: [String] = []
  /// A folder.
  public static let target = ExportTarget.folder
  /// Never: nothing is replaced.
  public static func mayBegin(_ head: [UInt8], of file: String) -> Bool { false }

  private let rows: RoutedRows
  private let shape: TraceShape
  private var requests: WholeRequests
  /// Archives written.
  private var written = 0
  private var isNameless = false

  /// An exporter of traces with this header.
  public init(_ header: TraceHeader, _ settings: ExportSettings) {
    shape = header.shape
    rows = RoutedRows(shape)
    requests = WholeRequests(shape)
  }

  /// Adds a block, and writes the requests that end in it.
  public mutating func add(_ block: TokenBlock, to output: any ExportOutput) throws {
    for request in try requests.add(block) { try write(request, to: output) }
  }

  /// Writes the requests that have no end.
  public mutating func finish(to output: any ExportOutput) throws {
    for request in requests.finish() { try write(request, to: output) }
  }

  /// What the archives do not tell.
  public var omissions: [String] {
    [
      requests.hasPartialWeights
        ? "gate weights of requests that have them for some tokens only are left out" : nil,
      isNameless ? "requests without a name are named by their files when read back" : nil,
    ].compactMap(\.self)
  }

  private mutating func write(_ request: RequestTrace, to output: any ExportOutput) throws {
    let tokens = request.ids.count / shape.idsPerToken
    isNameless = isNameless || request.name.isEmpty
    let digits = String(written)
    let file =
      "request_" + String(repeating: "0", count: max(0, 6 - digits.count)) + digits + ".npz"
    written += 1
    let sink: (UnsafeRawBufferPointer) throws -> Void = { try output.write($0, to: file) }
    var archive = ArrayArchive()
    if !request.name.isEmpty { try archive.add("request_id", [request.name], [], sink) }
    if !request.task.isEmpty { try archive.add("task", [request.task], [], sink) }
    for (name, count) in [
      ("prompt_token_ids", request.prefill), ("output_token_ids", tokens - request.prefill),
    ] { try archive.add(name, [Int32](repeating: -1, count: count), [count], sink) }
    let axes = rows.axes(tokens: tokens)
    try archive.add("routed_experts", rows.ids(request.ids), axes, sink)
    if let weights = request.weights, !weights.isEmpty {
      try archive.add(
        "routing_weights", rows.weights(weights), axes, element: .float(bytes: 2), sink)
    }
    try archive.finish(sink)
    try output.close(file)
  }
}
