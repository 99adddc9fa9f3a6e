import Demand
import FoundationEssentials
import MemoryBudget
import RoutingTrace

/// How many distinct experts a batch activates, by its size: what LLMServingSim reads with
/// `--expert-routing-policy CUSTOM` as gate_stats.json.
///
/// So many requests are under way together, a token of each a step; of every step and layer the
/// first 1, 2, 4, ... tokens are a batch. Memory: the tokens that wait for a free slot.
public struct GateStatistics: TraceExporter {
  /// The format on the command line.
  public static let name = "gate-stats"
  /// What stands in the file, for people.
  public static let summary = """
    LLMServingSim's gate_stats.json: curve [[tokens, mean distinct experts, calls], ...] over batches \
    of 1, 2, 4, ... up to --batch requests (64 unless given), with model, num_experts and \
    num_experts_per_tok.
    """
  /// How its outputs end.
  public static let suffixes = ["gate_stats.json"]
  /// The largest batch.
  public static let heeds: Set<ExportOption> = [.batch]

  /// By its first keys, which are sorted.
  public static func mayBegin(_ head: [UInt8], of file: String) -> Bool {
    head.starts(with: Array("{\"curve\":".utf8))
  }

  /// What the file holds.
  private struct Content: Encodable {
    /// Tokens, distinct experts, calls.
    struct Point: Encodable {
      var tokens: Int
      var activated: Double
      var calls: Int

      func encode(to encoder: any Encoder) throws {
        var list = encoder.unkeyedContainer()
        try list.encode(tokens)
        try list.encode(activated)
        try list.encode(calls)
      }
    }

    var model: String
    var experts: Int
    var topK: Int
    var calls: Int
    var curve: [Point]

    enum CodingKeys: String, CodingKey {
      case model, curve
      case experts = "num_experts"
      case topK = "num_experts_per_tok"
      case calls = "n_calls"
    }
  }

  private let shape: TraceShape
  private let memory = AvailableMemory.ofThisProcess()
  private var requests: RequestsInFlight
  /// By size of a batch: distinct experts of all calls, and the calls.
  private var sums: [Int: (distinct: Int, calls: Int)] = [:]

  /// An exporter of traces with this header.
  public init(_ header: TraceHeader, _ settings: ExportSettings) {
    shape = header.shape
    requests = RequestsInFlight(settings.batch ?? 64, shape: shape)
  }

  /// Adds a block.
  public mutating func add(_ block: TokenBlock, to output: any ExportOutput) throws {
    requests.add(block)
    try memory.check(requests.memoryDemand)
    while let step = requests.nextStep() { count(step) }
  }

  /// Writes the curve.
  public mutating func finish(to output: any ExportOutput) throws {
    while let step = requests.nextStep(isTraceAtEnd: true) { count(step) }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let curve = sums.sorted { $0.key < $1.key }.map { tokens, sum in
      Content.Point(
        tokens: tokens, activated: Double(sum.distinct) / Double(sum.calls), calls: sum.calls)
    }
    let content = Content(
      model: shape.model, experts: shape.experts, topK: shape.topK,
      calls: curve.reduce(0) { $0 + $1.calls }, curve: curve)
    try output.write(Array(try encoder.encode(content)) + [0x0A])
  }

  /// Counts a step's batches.
  private mutating func count(_ step: [RequestsInFlight.Token]) {
    for layer in 0..<shape.layers {
      var seen: Set<UInt16> = []
      // A token that was not recorded here is none of the batch.
      let recorded = step.lazy.map { $0.chosen[layer] }.filter { !$0.isEmpty }
      var tokens = 0
      for chosen in recorded {
        seen.formUnion(chosen)
        tokens += 1
        guard tokens.nonzeroBitCount == 1 || tokens == requests.slots else { continue }
        let before = sums[tokens] ?? (0, 0)
        sums[tokens] = (before.distinct + seen.count, before.calls + 1)
      }
    }
  }
}
