import Counting
import RoutingTrace

/// Counts a trace, chunk by chunk, so that the paper's observations can be read from it at any
/// time.
///
/// ```swift
/// var stream = try TraceStream(["trace.moe.lz4"])
/// var analysis = TraceAnalysis(shape: stream.shape)
/// while let chunk = try stream.next() { try analysis.consume(chunk.block, workers: 2) }
/// let figures = analysis.observations()
/// print(figures.summary(.sameExpert, in: .decode)?.mean ?? 0)
/// ```
///
/// Memory does not grow with the trace: five tables of E x E counts a MoE layer, and E counts a
/// task. The number of workers does not change any figure.
public struct TraceAnalysis: Sendable {
  /// The shape of the traces that are counted.
  public let shape: TraceShape
  /// Requests that began.
  public internal(set) var requests = 0
  /// Whether there were more tasks than are told apart, 1,024.
  public var hasMoreTasks: Bool { tasks.isFull }

  /// The counts of every MoE layer, in order.
  package internal(set) var layers: [LayerTally]
  /// The requests under way, by which tokens find their predecessors.
  private var requestBook: RequestBook
  /// The tasks' names, numbered.
  var tasks = TaskNames()
  /// Tokens by stage, and of all.
  var tokens: [Scope: Int] = [:]
  /// `[task]`: tokens.
  var tokensOfTasks: [Int] = []

  /// An analysis that has seen nothing.
  ///
  /// - Parameters:
  ///   - shape: the shape of the traces to come.
  ///   - liveRequests: requests under way that are remembered.
  /// - Complexity: O(L E^2) for L layers.
  public init(shape: TraceShape, liveRequests: Int = RequestBook.standardCapacity) {
    self.shape = shape
    layers = (0..<shape.layers).map { _ in LayerTally(experts: shape.experts) }
    requestBook = RequestBook(capacity: liveRequests)
  }

  /// Counts a chunk.
  ///
  /// - Parameters:
  ///   - block: the chunk's tokens.
  ///   - workers: threads among which the layers are split.
  /// - Throws: ``AnalysisError``; nothing has been counted then.
  /// - Complexity: O(T L K^2) for T tokens and L layers.
  public mutating func consume(_ block: TokenBlock, workers: Int = 1) throws(AnalysisError) {
    guard block.shape.isCompatible(with: shape) else {
      throw .shape(block.shape, expected: shape)
    }
    let largest = layers.map(\.largest).max() ?? 0
    guard largest + block.tokens <= LayerCounts.maximumTokens else { throw .full }
    let events = requestBook.resolve(block)
    let stretches = tasks.stretches(of: events)
    let taskCount = tasks.names.count
    tokensOfTasks += Array(repeating: 0, count: taskCount - tokensOfTasks.count)
    for stretch in stretches {
      tokens[Scope(stretch.stage), default: 0] += stretch.tokens.count
      tokens[.all, default: 0] += stretch.tokens.count
      if let task = stretch.task { tokensOfTasks[task] += stretch.tokens.count }
    }
    requests += block.runs.count(where: \.begins)
    layers.forEachLayer(workers: workers) { layer, tally in
      tally.count(events, layer: layer, stretches: stretches, taskCount: taskCount)
    }
  }

  /// The tasks told, those with the most tokens first, and of as many in the order of their names.
  var tasksByTokens: [(name: String, number: Int)] {
    tasks.names.indices.map { (tasks.names[$0], $0) }.sorted { first, second in
      (tokensOfTasks[second.1], first.0) < (tokensOfTasks[first.1], second.0)
    }
  }

  /// The figures that the counts come to so far.
  ///
  /// - Parameter workers: threads among which the layers are split.
  /// - Complexity: O(L E^2 log E) for L layers: tables are ranked, and rows drawn to compare with.
  public func observations(workers: Int = 1) -> Observations {
    var observed: [Observations.Layer?] = Array(repeating: nil, count: layers.count)
    observed.forEachLayer(workers: workers) { layer, observed in
      let observation = LayerObservation(
        layers[layer], before: layer > 0 ? layers[layer - 1] : nil, seed: UInt64(layer))
      observed = observation.layer(modelLayer: shape.modelLayers[layer])
    }
    return Observations(
      shape: shape, requests: requests, tokens: tokens,
      tasks: Dictionary(uniqueKeysWithValues: zip(tasks.names, tokensOfTasks)),
      layers: observed.compactMap { $0 })
  }
}

/// Why a chunk could not be counted; the analysis stays as it was.
public enum AnalysisError: Error, Hashable, CustomStringConvertible {
  /// The trace is of another model.
  case shape(TraceShape, expected: TraceShape)
  /// One more chunk could overflow the counts.
  case full

  /// One sentence for people.
  public var description: String {
    switch self {
    case .shape(let shape, let expected):
      "the trace has \(shape), those before \(expected); give traces of the same model"
    case .full:
      "a count would pass \(LayerCounts.maximumTokens); analyse the rest by itself"
    }
  }
}
