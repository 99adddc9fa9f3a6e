import MemoryBudget
import RoutingTrace

extension RequestPool {
  /// Gathers the tokens of one stage, or of both, from a trace's chunks.
  ///
  /// A request's tokens may come in pieces, between those of other requests. So pieces are kept as
  /// they come, and put one behind the other when all have come.
  public struct Collector {
    /// The shape of the trace.
    public let shape: TraceShape
    /// The stage kept; nil for both.
    public let stage: Stage?
    /// Requests by number, in the order in which they began.
    private var order: [UInt64] = []
    private var pieces: [UInt64: [Piece]] = [:]
    /// What was kept of every chunk, layer by layer.
    private var chunks: [[UInt16]] = []
    private var ids = 0

    /// Consecutive tokens of a request, within what was kept of one chunk.
    private struct Piece {
      let chunk: Int
      let tokens: Range<Int>
      let isPrompt: Bool
    }

    /// What the tokens gathered so far take: as they came, and as a pool.
    public var memoryDemand: MemoryDemand {
      MemoryDemand("the tokens of these traces", bytes: 2 * ids * MemoryLayout<UInt16>.stride)
    }

    /// Nothing gathered yet.
    public init(shape: TraceShape, stage: Stage?) {
      self.shape = shape
      self.stage = stage
    }

    /// Adds a chunk's tokens to their requests.
    ///
    /// - Precondition: the block's shape is compatible with this one.
    public mutating func add(_ block: TokenBlock) {
      precondition(block.shape.isCompatible(with: shape), "a chunk of another shape")
      var kept: [Range<Int>] = []
      var (first, count) = (0, 0)
      for run in block.runs {
        defer { first += run.count }
        guard run.count > 0, stage == nil || run.stage == stage else { continue }
        if pieces[run.request] == nil { order.append(run.request) }
        pieces[run.request, default: []].append(
          Piece(
            chunk: chunks.count, tokens: count..<count + run.count,
            isPrompt: run.stage == .prefill))
        kept.append(first..<first + run.count)
        count += run.count
      }
      guard count > 0 else { return }
      let column = RowMajor(rows: block.tokens, columns: shape.topK)
      var chunk: [UInt16] = []
      chunk.reserveCapacity(count * shape.idsPerToken)
      for layer in 0..<shape.layers {
        for tokens in kept { chunk += block.ids[column[layer, rows: tokens]] }
      }
      chunks.append(chunk)
      ids += chunk.count
    }

    /// Where in the pool the pieces stand, in the order in which they came.
    private func arrival(_ pieces: [[Piece]], _ starts: [Int]) -> [Range<Int>] {
      var placed: [(piece: Piece, tokens: Range<Int>)] = []
      for (request, own) in pieces.enumerated() {
        var first = starts[request]
        for piece in own {
          placed.append((piece, first..<first + piece.tokens.count))
          first += piece.tokens.count
        }
      }
      placed.sort {
        ($0.piece.chunk, $0.piece.tokens.lowerBound) < ($1.piece.chunk, $1.piece.tokens.lowerBound)
      }
      return placed.map(\.tokens)
    }

    /// The pool: requests in the order in which they began.
    public consuming func pool() -> RequestPool {
      let pieces = order.map { self.pieces[$0] ?? [] }
      var starts = [0]
      for request in pieces {
        starts.append(starts[starts.count - 1] + request.reduce(0) { $0 + $1.tokens.count })
      }
      let total = starts[starts.count - 1]
      let tokens = chunks.map { $0.count / shape.idsPerToken }
      let columns = (0..<shape.layers).map { layer in
        var column: [UInt16] = []
        column.reserveCapacity(total * shape.topK)
        for piece in pieces.joined() {
          let place = RowMajor(rows: tokens[piece.chunk], columns: shape.topK)
          column += chunks[piece.chunk][place[layer, rows: piece.tokens]]
        }
        return column
      }
      return RequestPool(
        shape: shape, columns: columns, starts: starts, arrival: arrival(pieces, starts),
        prompts: pieces.map { $0.reduce(0) { $0 + ($1.isPrompt ? $1.tokens.count : 0) } })
    }
  }
}
