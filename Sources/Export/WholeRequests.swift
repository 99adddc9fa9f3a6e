import MemoryBudget
import RoutingTrace

/// Puts the runs of requests together: each is handed on when its end is met, the others at the end
/// of the stream, in the order in which they began.
///
/// Positions of which nothing was recorded become tokens whose slots are empty. Memory: the requests
/// under way.
struct WholeRequests {
  /// Ids of a request at most, as ``TraceImport`` reads them back.
  static let mostIDs = 1 << 29

  /// A request under way.
  private struct Entry {
    var request: RequestTrace
    var tokens = 0
    var order: Int
  }

  private let shape: TraceShape
  private var open: [UInt64: Entry] = [:]
  /// Ids of those.
  private var ids = 0
  private let memory = AvailableMemory.ofThisProcess()
  /// Requests that have begun.
  private var begun = 0
  /// Whether some tokens of a request have gate weights and others none, so that all were left out.
  private(set) var hasPartialWeights = false

  init(_ shape: TraceShape) { self.shape = shape }

  /// Adds a block's tokens.
  ///
  /// - Returns: The requests that end in it.
  /// - Throws: ``ExportError`` for a request that is too long; `MemoryShortage` before what is under
  ///   way takes more than there is.
  mutating func add(_ block: TokenBlock) throws -> [RequestTrace] {
    var ended: [RequestTrace] = []
    let labels = Dictionary(block.labels.map { ($0.request, $0) }) { first, _ in first }
    var first = 0
    for run in block.runs {
      var entry = open.removeValue(forKey: run.request) ?? begin(run, labels[run.request])
      try append(run, first..<first + run.count, of: block, to: &entry)
      first += run.count
      if run.endsRequest {
        ids -= entry.request.ids.count
        ended.append(entry.request)
      } else {
        open[run.request] = entry
      }
    }
    return ended
  }

  /// Takes the requests that have no end.
  mutating func finish() -> [RequestTrace] {
    defer { open.removeAll() }
    return open.values.sorted { $0.order < $1.order }.map(\.request)
  }

  private mutating func begin(_ run: TokenRun, _ label: RequestLabel?) -> Entry {
    defer { begun += 1 }
    return Entry(
      request: RequestTrace(
        name: label?.name ?? "", task: label?.task ?? "", prefill: 0, ids: [], weights: []),
      order: begun)
  }

  private mutating func append(
    _ run: TokenRun, _ tokens: Range<Int>, of block: TokenBlock, to entry: inout Entry
  ) throws {
    let width = shape.idsPerToken
    let rows = (run.firstToken + run.count) * RoutedRows(shape).layers * shape.topK
    guard rows <= Self.mostIDs else {
      throw ExportError(
        problem: "request \(run.request) has \(run.firstToken + run.count) tokens, more ids than "
          + "an array that can be read back",
        remedy: "export a trace of shorter requests")
    }
    let gap = max(0, run.firstToken - entry.tokens)
    ids += (gap + run.count) * width
    // An id and a gate weight.
    try memory.check(MemoryDemand("the requests that have not ended", bytes: 4 * ids))
    entry.request.ids += repeatElement(TokenBlock.emptySlot, count: gap * width)
    entry.request.weights? += repeatElement(0, count: gap * width)
    for token in tokens {
      for layer in 0..<shape.layers {
        let slots = block.slots[layer, token]
        entry.request.ids += block.ids[slots]
        if let weights = block.weights { entry.request.weights? += weights[slots] }
      }
    }
    if block.weights == nil, run.count > 0 {
      if entry.request.weights?.contains(where: { $0 != 0 }) == true { hasPartialWeights = true }
      entry.request.weights = nil
    } else if entry.request.weights == nil, block.weights != nil, run.count > 0 {
      hasPartialWeights = true
    }
    entry.tokens += gap + run.count
    if run.stage == .prefill || run.count == 0 {
      if run.count > 0 { entry.request.prefill = entry.tokens }
    } else if entry.request.prefill == entry.tokens - run.count - gap {
      // Positions lost between prompt and answer are the prompt's.
      entry.request.prefill += gap
    }
  }
}
