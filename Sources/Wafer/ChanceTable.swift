import Counting
import Forecast
import MemoryBudget
import RoutingTrace

/// What a ``Mixture`` forecast for every event of a pool, each made before the event was learnt.
///
/// Routing does not depend on where weights lie, so one pass over the requests, in their order,
/// serves every simulation. Chances are kept as Float16: `tokens * layers * experts` of them.
public struct ChanceTable: Sendable {
  /// Tables above this are refused.
  static let maximumBytes = 4 << 30
  /// Tokens handed to the mixture at once.
  private static let blockTokens = 4096

  private let chances: [Float16]
  private let tokens: Int
  let layers: Int
  let experts: Int

  /// What may be known of a layer at the next token right after this token's: nothing but the same
  /// layer's history. (Stored paths and the regression also look at neighbouring layers of the token
  /// before, which at that moment have not been routed.)
  public static var nextToken: MixtureOptions {
    var options = MixtureOptions(parts: [.frequency, .token, .request, .recent])
    options.horizon = 0
    return options
  }

  /// What may be known of a layer right after the one before it: everything.
  public static var nextLayer: MixtureOptions { laterLayer(1) }

  /// What may be known of a layer right after the one `horizon` layers before it.
  static func laterLayer(_ horizon: Int) -> MixtureOptions {
    var options = MixtureOptions()
    options.horizon = horizon
    return options
  }

  /// Runs a fresh mixture over the pool, test then train.
  ///
  /// - Parameter workers: Threads; the table does not depend on it.
  /// - Throws: ``SimulationError`` where the table would be too large.
  public init(
    _ pool: RequestPool, _ options: MixtureOptions, workers: Int = 1
  ) throws(SimulationError) {
    let shape = pool.shape
    (tokens, layers, experts) = (pool.tokens, shape.layers, shape.experts)
    let count = tokens * layers * experts
    guard count * MemoryLayout<Float16>.size <= Self.maximumBytes else {
      throw SimulationError(
        "forecasts of \(tokens) tokens would take \(count * 2 / 1_000_000) MB; give fewer traces")
    }
    var chances = Array(repeating: Float16(0), count: count)
    var mixture = Mixture(shape: shape, options: options)
    var requests = RequestBook()
    var first = 0
    let (tokens, experts, topK) = (tokens, experts, Double(shape.topK))
    while first < tokens {
      let last = min(first + Self.blockTokens, tokens)
      let block: TokenBlock
      do { block = try pool.block(first..<last) } catch {
        throw SimulationError("the trace cannot be forecast: \(error)")
      }
      chances.withUnsafeMutableBufferPointer { chances in
        // Layers run at the same time, each in its own part of the table.
        nonisolated(unsafe) let table = chances
        let start = first
        mixture.process(requests.resolve(block), learns: true, workers: workers) { event, probabilities in
          let row = (event.layer * tokens + start + event.token) * experts
          // Probabilities sum to 1, chances to K.
          for expert in 0..<experts {
            table[row + expert] = Float16(min(1, topK * probabilities[expert]))
          }
        }
      }
      first = last
    }
    self.chances = chances
  }

  /// The chances of a layer's experts to be chosen by a token of the pool.
  func row(token: Int, layer: Int) -> ArraySlice<Float16> {
    let row = (layer * tokens + token) * experts
    return chances[row..<row + experts]
  }

  /// What a batch is expected to ask of a layer's experts.
  func demand(of batch: DistinctTokens, layer: Int) -> ExpertDemand {
    var demand = ExpertDemand(experts: experts)
    withUnsafeTemporaryAllocation(of: Double.self, capacity: experts) { row in
      chances.withUnsafeBufferPointer { chances in
        for (token, slots) in zip(batch.tokens, batch.slots) {
          let first = (layer * tokens + token) * experts
          var expert = 0
          while expert < experts {
            row.initializeElement(at: expert, to: Double(chances[first + expert]))
            expert += 1
          }
          demand.add(row, topK: 1, slots: slots)
        }
      }
    }
    return demand
  }
}

/// The mixture's chances for every way of looking ahead that a simulation uses.
public struct MixtureTables: Sendable {
  /// Layers ahead that the mixture forecasts; beyond, earlier tokens have to do.
  public static let longestHorizon = 4

  let nextToken: ChanceTable
  /// By horizon, from 1 layer ahead.
  let laterLayers: [ChanceTable]

  /// What the tables take; parameters as of ``init(_:horizon:workers:)``.
  public static func memoryDemand(_ pool: RequestPool, horizon: Int) -> MemoryDemand {
    let shape = pool.shape
    let table = pool.tokens * shape.layers * shape.experts * MemoryLayout<Float16>.size
    let mixture = Mixture.bytes(shape: shape, options: ChanceTable.nextLayer)
    return MemoryDemand(
      "forecasts of \(pool.tokens) tokens of \(shape)",
      bytes: (1 + min(horizon, longestHorizon)) * table + mixture)
  }

  /// Runs one mixture for the next token and one for every horizon up to `horizon`, at most
  /// ``longestHorizon``.
  ///
  /// - Parameters:
  ///   - workers: Threads; the tables do not depend on it.
  ///   - memory: What there is; the tables are held against it before they are made.
  /// - Throws: ``SimulationError`` where a table would be too large.
  public init(
    _ pool: RequestPool, horizon: Int, workers: Int = 1, memory: AvailableMemory = .ofThisProcess()
  ) throws(SimulationError) {
    do throws(MemoryShortage) { try memory.check(Self.memoryDemand(pool, horizon: horizon)) } catch
    {
      throw SimulationError("\(error), or give fewer traces")
    }
    nextToken = try ChanceTable(pool, ChanceTable.nextToken, workers: workers)
    var tables: [ChanceTable] = []
    for ahead in 0..<min(horizon, Self.longestHorizon) {
      tables.append(try ChanceTable(pool, ChanceTable.laterLayer(ahead + 1), workers: workers))
    }
    laterLayers = tables
  }
}

extension RequestPool {
  /// The request that a token of the pool belongs to: a binary search, as there can be millions.
  private func request(ofToken token: Int) -> Int {
    var (first, last) = (0, requests)
    while last - first > 1 {
      let middle = (first + last) / 2
      if starts[middle] <= token { first = middle } else { last = middle }
    }
    return first
  }

  /// Some of the pool's tokens, in order, as a chunk of a trace.
  func block(_ range: Range<Int>) throws(BlockError) -> TokenBlock {
    var runs: [TokenRun] = []
    var request = self.request(ofToken: range.lowerBound)
    while request < requests, starts[request] < range.upperBound {
      defer { request += 1 }
      let part = range.clamped(to: starts[request]..<starts[request + 1])
      runs.append(
        TokenRun(
          request: UInt64(request), stage: .decode, firstToken: part.lowerBound - starts[request],
          count: part.count, endsRequest: part.upperBound == starts[request + 1]))
    }
    var columns: [UInt16] = []
    columns.reserveCapacity(range.count * shape.idsPerToken)
    for layer in 0..<shape.layers { columns += chosen(by: Array(range), layer: layer) }
    return try TokenBlock(shape: shape, runs: runs, ids: columns)
  }
}
