import Demand
import MemoryBudget
import RoutingTrace

/// All tokens of traces, prompts first in every request, and the requests' tasks: what windows are
/// cut from.
///
/// ```swift
/// var collector = PlacementTokens.Collector(shape: stream.shape)
/// while let chunk = try stream.next() { collector.add(chunk.block) }
/// let tokens = collector.tokens()
/// ```
public struct PlacementTokens: Sendable {
  /// The tokens of both stages.
  public let pool: RequestPool
  /// By request of the pool: its task, or an empty word.
  public let tasks: [String]

  /// The tokens of a pool.
  ///
  /// - Parameter tasks: one a request; nil where nobody told them.
  /// - Precondition: one task a request, where there are any.
  public init(_ pool: RequestPool, tasks: [String]? = nil) {
    let tasks = tasks ?? Array(repeating: "", count: pool.requests)
    precondition(tasks.count == pool.requests)
    (self.pool, self.tasks) = (pool, tasks)
  }

  /// The decoded tokens where there are any, else all: what is judged on where nothing else is said.
  public var decodedOrAll: RequestPool {
    let decode = TokenWindow(.decode)
    let kept = pool.keeping((0..<pool.requests).map { decode.tokens(of: $0, in: pool) })
    return kept.tokens > 0 ? kept : pool
  }

  /// Gathers tokens and tasks from a trace's chunks.
  public struct Collector {
    private var collector: RequestPool.Collector
    private var order: [UInt64] = []
    private var known: Set<UInt64> = []
    private var tasks: [UInt64: String] = [:]

    /// Nothing gathered yet.
    public init(shape: TraceShape) {
      collector = RequestPool.Collector(shape: shape, stage: nil)
    }

    /// What the tokens gathered so far take.
    public var memoryDemand: MemoryDemand { collector.memoryDemand }

    /// Adds a chunk.
    ///
    /// - Precondition: the block's shape is compatible with the collector's.
    public mutating func add(_ block: TokenBlock) {
      collector.add(block)
      for run in block.runs where run.count > 0 && known.insert(run.request).inserted {
        order.append(run.request)
      }
      for label in block.labels { tasks[label.request] = label.task }
    }

    /// What was gathered, requests in the order in which they began.
    public consuming func tokens() -> PlacementTokens {
      PlacementTokens(collector.pool(), tasks: order.map { [tasks] in tasks[$0] ?? "" })
    }
  }
}

extension RequestPool {
  /// A pool of stretches of this one's tokens, each a request of its own; empty ones are left out.
  ///
  /// - Complexity: O(tokens * layers * topK).
  package func keeping(_ stretches: [Range<Int>]) -> RequestPool {
    var kept = RequestPool(shape: shape)
    for stretch in stretches where !stretch.isEmpty {
      var ids: [UInt16] = []
      ids.reserveCapacity(stretch.count * shape.idsPerToken)
      for token in stretch {
        for layer in 0..<shape.layers { ids += choice(of: token, layer: layer) }
      }
      kept.add(ids)
    }
    return kept
  }
}
