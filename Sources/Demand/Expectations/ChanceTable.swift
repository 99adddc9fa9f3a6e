import Counting
import Forecast
import MemoryBudget
import RoutingTrace

/// What a ``Forecast/Mixture``, or whoever else, forecast for every event of a pool, each made before
/// the event was learnt.
///
/// Routing does not depend on where weights lie, so one pass over the requests, in their order,
/// serves every simulation. Chances are kept as Float16: `tokens * layers * experts` of them.
public struct ChanceTable: Sendable {
  /// Tables above this are refused.
  private static let maximumBytes = 4 << 30

  /// A plane a layer, a row a token.
  private let chances: [Float16]
  private let place: RowMajor
  /// MoE layers (L).
  let layers: Int
  /// Experts of a layer (E).
  let experts: Int

  /// A table of known chances, `[layer, token, expert]`.
  init(_ chances: [Float16], place: RowMajor, layers: Int, experts: Int) {
    self.chances = chances
    self.place = place
    self.layers = layers
    self.experts = experts
  }

  /// What may be known of a layer at the next token right after this token's: nothing but the same
  /// layer's history. (Stored paths and the regression also look at neighbouring layers of the
  /// token before, which at that moment have not been routed.)
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

  /// Bytes that the table of a pool takes.
  static func bytes(_ pool: RequestPool) -> Int {
    pool.tokens * pool.shape.layers * pool.shape.experts * MemoryLayout<Float16>.size
  }

  /// Runs a fresh mixture over the pool, test then train.
  ///
  /// - Parameters:
  ///   - options: What the mixture may look at: ``nextToken`` or ``nextLayer``.
  ///   - workers: Threads; the table does not depend on it.
  /// - Throws: ``SimulationError`` where the table would be too large.
  /// - Complexity: a forecast of the mixture for each of the pool's `tokens * layers` events.
  public init(
    _ pool: RequestPool, _ options: MixtureOptions, workers: Int = 1
  ) throws(SimulationError) {
    let shape = pool.shape
    let place = RowMajor(rows: pool.tokens, columns: shape.experts)
    (layers, experts) = (shape.layers, shape.experts)
    let bytes = Self.bytes(pool)
    guard bytes <= Self.maximumBytes else {
      throw SimulationError(
        "forecasts of \(pool.tokens) tokens would take \(bytes / 1_000_000) MB; give fewer traces")
    }
    var chances = Array(
      repeating: Float16(0), count: pool.tokens * shape.layers * shape.experts)
    var mixture = Mixture(shape: shape, options: options)
    var requests = RequestBook()
    let topK = Double(shape.topK)
    try pool.forEachBlock { first, block in
      chances.withUnsafeMutableBufferPointer { chances in
        // Layers run at the same time, each in its own part of the table.
        nonisolated(unsafe) let table = chances
        mixture.process(requests.resolve(block), workers: workers) { event, probabilities in
          let row = place[event.layer, first + event.token]
          // Probabilities sum to 1, chances to K; rounded as files of forecasts have them.
          for (expert, cell) in row.enumerated() {
            table[cell] = Float16(min(1, topK * Double(Float(probabilities[expert]))))
          }
        }
      }
    }
    self.chances = chances
    self.place = place
  }

  /// The chances of a layer's experts to be chosen by a token of the pool.
  package func row(token: Int, layer: Int) -> ArraySlice<Float16> { chances[place[layer, token]] }

  /// The likeliest experts of every token of a batch, each with as many requests as slots hold the
  /// token; lower ids first on ties.
  ///
  /// - Complexity: O(distinct tokens * experts * count).
  func likeliest(of batch: DistinctTokens, layer: Int, count: Int) -> [Double] {
    var load = Array(repeating: 0.0, count: experts)
    chances.withUnsafeBufferPointer { chances in
      for (token, slots) in zip(batch.tokens, batch.slots) {
        let first = place[layer, token, 0]
        // The best so far, best first.
        var best: [(chance: Float16, expert: Int)] = []
        for expert in 0..<experts {
          let chance = chances[first + expert]
          guard chance > 0, best.count < count || chance > best[best.count - 1].chance else {
            continue
          }
          if best.count == count { best.removeLast() }
          best.insert((chance, expert), at: best.firstIndex { $0.chance < chance } ?? best.count)
        }
        for (_, expert) in best { load[expert] += Double(slots) }
      }
    }
    return load
  }

  /// What a batch is expected to ask of a layer's experts.
  ///
  /// - Complexity: O(distinct tokens * experts).
  func demand(of batch: DistinctTokens, layer: Int) -> ExpertDemand {
    var demand = ExpertDemand(experts: experts)
    withUnsafeTemporaryAllocation(of: Double.self, capacity: experts) { row in
      chances.withUnsafeBufferPointer { chances in
        for (token, slots) in zip(batch.tokens, batch.slots) {
          let first = place[layer, token, 0]
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
