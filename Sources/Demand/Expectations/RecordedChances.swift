import MemoryBudget
import RoutingTrace

/// One forecast of a file, ours or somebody else's.
public struct ForecastRecord: Hashable, Sendable {
  /// The request's number in the trace.
  public var request: UInt64
  /// The token's position in its request, prefill included, from 0.
  public var position: Int
  /// The model's own number of the MoE layer.
  public var layer: Int
  /// How many layers ahead it was made; 0 where it needed none of the token's layers.
  public var horizon: Int
  /// The experts told.
  public var experts: [Int]
  /// Their probabilities, those of all experts adding up to 1; nil where all told are alike.
  public var chances: [Float]?
  /// What the router chose, by which a file of another trace is known; nil where it is not told.
  public var chosen: [Int]?

  /// A forecast of these values.
  public init(
    request: UInt64, position: Int, layer: Int, horizon: Int, experts: [Int], chances: [Float]?,
    chosen: [Int]? = nil
  ) {
    self.request = request
    self.position = position
    self.layer = layer
    self.horizon = horizon
    self.experts = experts
    self.chances = chances
    self.chosen = chosen
  }
}

/// Why a forecast of a file cannot be replayed; whoever knows file and line adds the place.
public struct ForecastFault: Error, Hashable, CustomStringConvertible {
  /// What is wrong, as a clause.
  public let problem: String
  /// What the user can do.
  public let remedy: String

  /// A fault of these texts.
  public init(_ problem: String, remedy: String) {
    self.problem = problem
    self.remedy = remedy
  }

  /// Both on one line.
  public var description: String { "\(problem); \(remedy)" }
}

/// What a file forecasts of the tokens of a pool, for every way of looking ahead that it has:
/// simulators stage by it as by our own mixture.
///
/// ```swift
/// var collector = RecordedChances.Collector(pool, positions.map())
/// for record in records { try collector.add(record) }
/// let recorded = collector.chances()
/// let forecast = recorded.forecast("oracle.jsonl", schedule)
/// ```
///
/// A token chooses an expert that is told with the chance `min(1, K p)`, others never.
public struct RecordedChances: Sendable {
  /// Of the next token, from earlier tokens alone (horizon 0); nil where the file has none.
  package let nextToken: ChanceTable?
  /// Of later layers of the same token, by layers ahead, from 1; nil where the file has none.
  package let laterLayers: [ChanceTable?]
  /// Of each horizon of the file, ascending, the pool's events that have no forecast.
  public let gaps: [Gap]

  /// The events of one horizon.
  public struct Gap: Hashable, Sendable {
    /// Layers ahead; 0 for the next token.
    public let horizon: Int
    /// Events without a forecast: nothing is staged for them.
    public let missing: Int
    /// Events that could have one.
    public let events: Int
  }

  /// The horizons of which the file tells, ascending.
  public var horizons: [Int] { gaps.map(\.horizon) }

  /// A fresh forecast of the schedule's demand.
  public func forecast(_ name: String, _ schedule: BatchSchedule) -> any DemandForecast {
    TableForecast(name, schedule, nextToken: nextToken, laterLayers: laterLayers)
  }

  /// Gathers a file's forecasts.
  public struct Collector {
    /// One horizon's.
    private struct Table {
      var chances: [Float16]
      /// `[token, layer]`: whether there was a forecast.
      var isKnown: [Bool]
    }

    private let pool: RequestPool
    private let map: PoolMap
    private let ordinals: [Int: Int]
    private let place: RowMajor
    private let memory: AvailableMemory
    private var tables: [Int: Table] = [:]

    /// No forecast yet.
    ///
    /// - Parameters:
    ///   - map: of the chunks that `pool` was made of.
    ///   - memory: what there is; every table is held against it before it is made.
    public init(
      _ pool: RequestPool, _ map: PoolMap, memory: AvailableMemory = .ofThisProcess()
    ) {
      self.pool = pool
      self.map = map
      self.memory = memory
      ordinals = Dictionary(
        pool.shape.modelLayers.enumerated().map { ($1, $0) },
        uniquingKeysWith: { first, _ in first })
      place = RowMajor(rows: pool.tokens, columns: pool.shape.experts)
    }

    private var shape: TraceShape { pool.shape }

    /// Takes in a forecast; those of tokens that the pool leaves out count for nothing.
    ///
    /// - Throws: ``ForecastFault`` where it is of no event of the trace, or no forecast;
    ///   `MemoryShortage`. Nothing is taken in then.
    public mutating func add(_ record: ForecastRecord) throws {
      guard let layer = ordinals[record.layer] else {
        throw ForecastFault(
          "layer \(record.layer) is no MoE layer of the trace, which has \(shape.layers), "
            + "\(shape.modelLayers.first ?? 0) to \(shape.modelLayers.last ?? 0)",
          remedy: "give forecasts of this trace, layers by the model's numbers")
      }
      guard (0...shape.layers).contains(record.horizon) else {
        throw ForecastFault(
          "horizon \(record.horizon) is not from 0 to \(shape.layers)",
          remedy: "say how many layers ahead a forecast is made, 0 for the next token's")
      }
      try checkExperts(record)
      let token: Int
      switch map(record.request, record.position) {
      case .token(let number): token = number
      case .leftOut: return
      case .noRequest:
        throw ForecastFault(
          "the trace has no request \(record.request)",
          remedy: "give the very traces that were forecast, in the same order")
      case .outside(let positions):
        throw ForecastFault(
          "request \(record.request) has no token \(record.position), but "
            + "\(positions.lowerBound) to \(positions.upperBound - 1)",
          remedy: "give the very traces that were forecast, in the same order")
      }
      if let chosen = record.chosen {
        let own = pool.choice(of: token, layer: layer).filter { $0 != TokenBlock.emptySlot }
        guard Set(chosen) == Set(own.map(Int.init)) else {
          throw ForecastFault(
            "token \(record.position) of request \(record.request) chose other experts at layer "
              + "\(record.layer) than it says",
            remedy: "give the very traces that were forecast, in the same order")
        }
      }
      var table = try tables.removeValue(forKey: record.horizon) ?? makeTable()
      defer { tables[record.horizon] = table }
      guard !table.isKnown[token * shape.layers + layer] else {
        throw ForecastFault(
          "token \(record.position) of request \(record.request) at layer \(record.layer), "
            + "horizon \(record.horizon), has a forecast already",
          remedy: "leave one of them out")
      }
      table.isKnown[token * shape.layers + layer] = true
      let (first, topK) = (place[layer, token, 0], Double(shape.topK))
      for (index, expert) in record.experts.enumerated() {
        let chance = record.chances.map { Double($0[index]) } ?? 1 / Double(record.experts.count)
        table.chances[first + expert] = Float16(min(1, topK * chance))
      }
    }

    /// Throws where the experts are none of the trace's, or the chances no probabilities of theirs.
    private func checkExperts(_ record: ForecastRecord) throws(ForecastFault) {
      var seen: Set<Int> = []
      for expert in record.experts {
        guard (0..<shape.experts).contains(expert) else {
          throw ForecastFault(
            "expert \(expert) is none of the trace's, 0 to \(shape.experts - 1)",
            remedy: "give forecasts of this trace")
        }
        guard seen.insert(expert).inserted else {
          throw ForecastFault("expert \(expert) stands in it twice", remedy: "tell each once")
        }
      }
      guard let chances = record.chances else { return }
      guard chances.count == record.experts.count else {
        throw ForecastFault(
          "it has \(record.experts.count) experts and \(chances.count) chances",
          remedy: "give each expert its chance, or leave chances out")
      }
      let sum = chances.reduce(0.0) { $0 + Double($1) }
      guard chances.allSatisfy({ $0 >= 0 && $0 <= 1 }), sum <= 1.001 else {
        throw ForecastFault(
          "its chances add up to \((sum * 1000).rounded() / 1000), not to 1 or less, or one is "
            + "negative",
          remedy: "divide chances of being among the top \(shape.topK) by \(shape.topK)")
      }
    }

    /// An empty table of one horizon.
    private func makeTable() throws(MemoryShortage) -> Table {
      let events = pool.tokens * shape.layers
      try memory.check(
        MemoryDemand(
          "forecasts of \(pool.tokens) tokens of \(shape), \(tables.count + 1) ways of looking ahead,",
          bytes: (tables.count + 1) * events * (shape.experts * MemoryLayout<Float16>.stride + 1)))
      return Table(
        chances: Array(repeating: 0, count: events * shape.experts),
        isKnown: Array(repeating: false, count: events))
    }

    /// What was gathered.
    public consuming func chances() -> RecordedChances {
      let (horizons, shape, tokens) = (tables.keys.sorted(), shape, pool.tokens)
      let gaps = horizons.map { horizon in
        let isKnown = tables[horizon]?.isKnown ?? []
        // Earlier layers have nothing so far ahead of them in their own token.
        let layers = horizon..<shape.layers
        let missing = (0..<tokens).reduce(0) { sum, token in
          sum + layers.count { !isKnown[token * shape.layers + $0] }
        }
        return Gap(horizon: horizon, missing: missing, events: tokens * layers.count)
      }
      func table(_ horizon: Int) -> ChanceTable? {
        tables[horizon].map {
          ChanceTable(
            $0.chances, place: place, layers: shape.layers, experts: shape.experts)
        }
      }
      return RecordedChances(
        nextToken: table(0),
        laterLayers: (0..<(horizons.last ?? 0)).map { table($0 + 1) }, gaps: gaps)
    }
  }
}
