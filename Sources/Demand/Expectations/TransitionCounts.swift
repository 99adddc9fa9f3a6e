import Counting
import MemoryBudget
import RoutingTrace

/// The paper's cross-token heatmap: how often expert j at a request's next token followed expert i,
/// at the same layer.
///
/// ```swift
/// let heatmap = try TransitionCounts(of: pool)
/// let result = try simulation.run(pool, transitions: heatmap)
/// ```
///
/// It is the table of token pairs that predictors count (``Counting/LayerCounts/tokenPairs``), of a
/// trace or of a model.
public struct TransitionCounts: Hashable, Sendable {
  /// MoE layers (L).
  public let layers: Int
  /// Experts of a layer (E).
  public let experts: Int
  /// `layers * experts * experts` counts, row i of layer l at `(l * experts + i) * experts`.
  public private(set) var counts: [UInt32]
  private var place: RowMajor { RowMajor(rows: experts, columns: experts) }

  /// What the heatmap of a trace takes while it is counted.
  public static func memoryDemand(shape: TraceShape) -> MemoryDemand {
    MemoryDemand(
      "the heatmaps of \(shape)",
      // The counting tables, and the heatmap that is put together from them.
      bytes: 2 * 4 * shape.layers * shape.experts * shape.experts,
      alternatives: [.init("--strategy base,ep,allo", bytes: 0)])
  }

  /// Wraps a model's table.
  ///
  /// - Precondition: `counts` has `layers * experts * experts` entries.
  public init(layers: Int, experts: Int, counts: [UInt32]) {
    precondition(counts.count == layers * experts * experts)
    self.layers = layers
    self.experts = experts
    self.counts = counts
  }

  /// Counts every pair of consecutive tokens of every request in the pool, all pairs of their K
  /// experts.
  ///
  /// - Throws: ``SimulationError`` where the pool's ids cannot be a trace's.
  /// - Complexity: O(tokens * layers * topK^2).
  public init(of pool: RequestPool) throws(SimulationError) {
    let shape = pool.shape
    var layers = Array(
      repeating: LayerCounts(experts: shape.experts, tables: .tokenPairs), count: shape.layers)
    var requests = RequestBook()
    try pool.forEachBlock { _, block in
      let events = requests.resolve(block)
      for layer in layers.indices {
        events.withLayer(layer) { layers[layer].learn($0) }
      }
    }
    var counts: [UInt32] = []
    counts.reserveCapacity(shape.layers * shape.experts * shape.experts)
    for layer in layers { counts += layer.tokenPairs ?? [] }
    self.init(layers: shape.layers, experts: shape.experts, counts: counts)
  }

  /// Lends the counts of one layer, `experts * experts`, to whoever counts on.
  ///
  /// - Precondition: `layer` is one of ``layers``.
  mutating func withLayer(_ layer: Int, _ body: (UnsafeMutableBufferPointer<UInt32>) -> Void) {
    let cells = experts * experts
    precondition((0..<layers).contains(layer))
    counts.withUnsafeMutableBufferPointer {
      body(UnsafeMutableBufferPointer(rebasing: $0[layer * cells..<(layer + 1) * cells]))
    }
  }

  /// How often each expert followed `expert`.
  package func row(_ layer: Int, _ expert: Int) -> ArraySlice<UInt32> {
    counts[place[layer, expert]]
  }
}
