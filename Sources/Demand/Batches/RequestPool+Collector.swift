import MemoryBudget
import RoutingTrace

extension RequestPool {
  /// Gathers the tokens of one stage, or of both, from a trace's chunks.
  public struct Collector {
    public let shape: TraceShape
    /// The stage kept; nil for both.
    public let stage: Stage?
    private var order: [UInt64] = []
    private var tokens: [UInt64: [UInt16]] = [:]
    private var ids = 0

    /// What the tokens gathered so far take: their lists, which have room to grow, and the pool.
    public var memoryDemand: MemoryDemand {
      MemoryDemand("the tokens of these traces", bytes: 3 * ids * MemoryLayout<UInt16>.stride)
    }

    public init(shape: TraceShape, stage: Stage?) {
      self.shape = shape
      self.stage = stage
    }

    /// Adds a chunk's tokens to their requests.
    ///
    /// - Precondition: the block's shape is compatible with this one.
    public mutating func add(_ block: TokenBlock) {
      precondition(block.shape.isCompatible(with: shape), "a chunk of another shape")
      let (layers, topK) = (shape.layers, shape.topK)
      var first = 0
      for run in block.runs {
        defer { first += run.count }
        guard run.count > 0, stage == nil || run.stage == stage else { continue }
        if tokens[run.request] == nil { order.append(run.request) }
        var ids: [UInt16] = []
        ids.reserveCapacity(run.count * shape.idsPerToken)
        for token in first..<first + run.count {
          for layer in 0..<layers {
            let start = (layer * block.tokens + token) * topK
            ids.append(contentsOf: block.ids[start..<start + topK])
          }
        }
        tokens[run.request, default: []].append(contentsOf: ids)
        self.ids += ids.count
      }
    }

    /// The pool: requests in the order in which they began.
    public consuming func pool() -> RequestPool {
      var pool = RequestPool(shape: shape)
      for request in order { pool.add(tokens[request] ?? []) }
      return pool
    }
  }
}
