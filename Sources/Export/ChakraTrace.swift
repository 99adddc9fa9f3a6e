import Demand
import MemoryBudget
import RoutingTrace
import Wafer

/// Chakra execution traces of the expert-parallel all-to-all, one a device, for ASTRA-sim.
///
/// So many requests are under way together, a token of each a step; of every step and layer tokens
/// are sent to the devices that compute their experts (`dispatch`), computed there (`experts`), and
/// sent back (`combine`). Memory: the tokens that wait for a free slot, and 64 KB a device.
public struct ChakraTrace: TraceExporter {
  /// The format on the command line.
  public static let name = "chakra"
  /// What stands in the folder, for people.
  public static let summary = """
    a new folder of execution traces for ASTRA-sim, moe.RANK.et a device (schema 0.0.4): the \
    expert-parallel all-to-all of --batch requests on --devices, a token of each a step, as \
    COMM_SEND and COMM_RECV pairs of the true sizes, with the experts' computation between where the \
    model's dimensions are known; where experts lie says --placement.
    """
  /// None: the output is a folder.
  public static let suffixes: [String] = []
  /// A folder.
  public static let target = ExportTarget.folder
  /// The devices and what lies there, the batch, and what a token weighs.
  public static let heeds: Set<ExportOption> = [.devices, .placement, .batch, .tokenBytes]
  /// Never: nothing is replaced.
  public static func mayBegin(_ head: [UInt8], of file: String) -> Bool { false }

  /// A device's trace so far.
  private struct Rank {
    var bytes = ChakraNode.metadata
    var nodes: UInt64 = 0
    /// The nodes that the next layer waits for.
    var last: [UInt64] = []
  }

  /// Bytes of a device's trace that wait to be written.
  private static let piece = 64 << 10

  private let shape: TraceShape
  private let model: ModelShape?
  private let placement: ExpertPlacement
  private let devices: Int
  private let batch: Int
  private let tokenBytes: Int
  private let memory = AvailableMemory.ofThisProcess()
  private var requests: RequestsInFlight
  private var ranks: [Rank]
  private var steps = 0
  /// Room for the node that is being written.
  private var message = ProtobufMessage()

  /// An exporter of traces with this header.
  ///
  /// - Throws: ``ExportError`` where devices or a token's bytes are not told;
  ///   `PlacementError` where the placement does not fit.
  public init(_ header: TraceHeader, _ settings: ExportSettings) throws {
    shape = header.shape
    model = ModelShape.named(shape.model)
    guard let devices = settings.devices else {
      throw ExportError(
        problem: "nothing says how many devices share the experts", remedy: "give --devices N")
    }
    guard let bytes = settings.tokenBytes ?? model.map({ 2 * $0.hidden }) else {
      throw ExportError(
        problem: "nothing says how many bytes a token's activations have",
        remedy: "give --token-bytes N: twice the hidden size in bf16")
    }
    self.devices = devices
    tokenBytes = bytes
    batch = settings.batch ?? devices
    placement = try settings.placement(of: shape, devices: devices)
    requests = RequestsInFlight(batch, shape: shape)
    ranks = Array(repeating: Rank(), count: devices)
  }

  /// Adds a block, and writes the steps that it makes possible.
  public mutating func add(_ block: TokenBlock, to output: any ExportOutput) throws {
    requests.add(block)
    try memory.check(requests.memoryDemand)
    while let step = requests.nextStep() { try write(step, to: output) }
  }

  /// Writes the steps that are left.
  public mutating func finish(to output: any ExportOutput) throws {
    while let step = requests.nextStep(isTraceAtEnd: true) { try write(step, to: output) }
    for rank in ranks.indices {
      try output.write(ranks[rank].bytes, to: Self.file(rank))
      try output.close(Self.file(rank))
    }
  }

  private static func file(_ rank: Int) -> String { "moe.\(rank).et" }

  private mutating func write(
    _ step: [RequestsInFlight.Token], to output: any ExportOutput
  ) throws {
    for layer in 0..<shape.layers {
      add(
        TokenExchange(
          of: step, layer: layer, batch: batch, devices: devices, placement.layers[layer]),
        layer: layer)
    }
    steps += 1
    for rank in ranks.indices where ranks[rank].bytes.count >= Self.piece {
      try output.write(ranks[rank].bytes, to: Self.file(rank))
      ranks[rank].bytes = []
    }
  }

  /// Adds a layer's nodes to every device's trace.
  private mutating func add(_ exchange: TokenExchange, layer: Int) {
    let devices = devices
    let place = "\(steps)_\(shape.modelLayers[layer])"
    let phase = 2 * (steps * shape.layers + layer)
    for rank in ranks.indices {
      let dispatched = addMessages(
        "dispatch_\(place)", of: rank, phase: phase, after: ranks[rank].last
      ) { exchange.tokens[$0 * devices + $1] }
      var before = dispatched
      if let model, exchange.choices[rank] > 0 {
        let id = ranks[rank].nodes
        append(
          ChakraNode(
            id: id, name: "experts_\(place)",
            kind: .compute(
              operations: 2 * model.parametersPerExpert * exchange.choices[rank],
              tensorBytes: tokenBytes * exchange.choices[rank]),
            after: dispatched.isEmpty ? ranks[rank].last : dispatched), to: rank)
        before = [id]
      }
      if before.isEmpty { before = ranks[rank].last }
      let combined = addMessages("combine_\(place)", of: rank, phase: phase + 1, after: before) {
        exchange.tokens[$1 * devices + $0]
      }
      ranks[rank].last = combined.isEmpty ? before : combined
    }
  }

  /// Adds what a device sends and receives; returns the nodes.
  ///
  /// - Parameter tokens: that go from one device to another.
  private mutating func addMessages(
    _ name: String, of rank: Int, phase: Int, after: [UInt64], _ tokens: (Int, Int) -> Int
  ) -> [UInt64] {
    var nodes: [UInt64] = []
    for other in 0..<devices where other != rank {
      for (from, to) in [(rank, other), (other, rank)] where tokens(from, to) > 0 {
        let (bytes, tag) = (tokens(from, to) * tokenBytes, tag(phase, from, to))
        let id = ranks[rank].nodes
        append(
          ChakraNode(
            id: id, name: "\(name)_\(from)_\(to)",
            kind: from == rank
              ? .send(from: from, to: to, bytes: bytes, tag: tag)
              : .receive(from: from, to: to, bytes: bytes, tag: tag), after: after), to: rank)
        nodes.append(id)
      }
    }
    return nodes
  }

  /// The tag by which both ends of a message know it; they begin again before 2^31.
  private func tag(_ phase: Int, _ from: Int, _ to: Int) -> Int {
    let pairs = devices * devices
    return phase % (Int(Int32.max) / pairs) * pairs + from * devices + to
  }

  private mutating func append(_ node: ChakraNode, to rank: Int) {
    node.append(to: &ranks[rank].bytes, by: &message)
    ranks[rank].nodes += 1
  }
}
