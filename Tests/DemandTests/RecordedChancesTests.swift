import Forecast
import MemoryBudget
import Prequential
import RoutingTrace
import TestSupport
import Testing

@testable import Demand

/// Forecasts of files, replayed: those of a model as the model's own, a perfect file as the oracle.
struct RecordedChancesTests {
  private let shape: TraceShape
  private let pool: RequestPool
  private let blocks: [TokenBlock]
  private let map: PoolMap

  init() throws {
    shape = try TraceShape(modelLayers: [1, 2, 5], experts: 12, topK: 3)
    var random = SplitMix64(seed: 8)
    let shape = shape
    let requests = (0..<6).map { index in
      RequestTrace.random(shape: shape, prefill: 0, decode: 9 + index, empty: 0.05, using: &random)
    }
    blocks = try chunks(of: requests, shape: shape, chunkTokens: 16).map(\.block)
    var collector = RequestPool.Collector(shape: shape, stage: .decode)
    var positions = PoolPositions(stage: .decode)
    for block in blocks {
      collector.add(block)
      positions.add(block)
    }
    pool = collector.pool()
    map = positions.map()
  }

  private func record(
    _ forecast: RankedForecast, chances: Bool = true, horizon: Int? = nil
  ) -> ForecastRecord {
    ForecastRecord(
      request: forecast.request, position: forecast.position,
      layer: shape.modelLayers[forecast.layer], horizon: horizon ?? forecast.horizon,
      experts: (chances ? forecast.experts : forecast.chosen).map(Int.init),
      chances: chances ? forecast.chances : nil, chosen: forecast.chosen.map(Int.init))
  }

  /// Every forecast of a fresh learner that learns on, of some predictors.
  private func forecasts(_ names: [String]) throws -> [RankedForecast] {
    var told: [RankedForecast] = []
    for name in names {
      var pass = ForecastPass(
        try Learner(shape: shape, predictors: [name]), of: 0, learns: true)
      pass.ranking = ForecastRanking(top: shape.experts)
      for block in blocks { try pass.consume(block) { told.append($0) } }
    }
    return told
  }

  private func recorded(_ records: [ForecastRecord]) throws -> RecordedChances {
    var collector = RecordedChances.Collector(pool, map)
    for record in records { try collector.add(record) }
    return collector.chances()
  }

  /// The simulators' mixture has predictors' names: what these tell is replayed to the same report.
  @Test func aModelsForecastsAreReplayedAsItsOwn() throws {
    let told = try forecasts([
      "mixture:only-frequency:with-token:with-request:with-recent:next", "mixture", "mixture:h2",
    ])
    let recorded = try recorded(told.map { record($0) })
    #expect(recorded.horizons == [0, 1, 2])
    #expect(recorded.gaps.allSatisfy { $0.missing == 0 })
    let schedule = BatchSchedule(pool, size: 8, steps: 12)
    let study = DemandStudy(pool, schedule: schedule, warmSteps: 2)
    let tables = try MixtureTables(pool, horizon: 2)
    for ahead in 0...2 {
      let own = study.run(layersAhead: ahead, TableForecast(schedule, tables))
      let replayed = study.run(layersAhead: ahead, recorded.forecast("f.jsonl", schedule))
      #expect(own == replayed && own.recall > 0.2, "\(ahead) ahead")
    }
  }

  @Test func aPerfectFileIsTheOracle() throws {
    let told = try forecasts(["frequency"])
    let recorded = try recorded(
      [0, 1].flatMap { horizon in
        told.map { record($0, chances: false, horizon: horizon) }
      })
    let schedule = BatchSchedule(pool, size: 8, steps: 12)
    let study = DemandStudy(pool, schedule: schedule, warmSteps: 2)
    for ahead in 0...1 {
      let oracle = study.run(layersAhead: ahead, OracleForecast(schedule))
      let replayed = study.run(layersAhead: ahead, recorded.forecast("f.jsonl", schedule))
      // Events with empty slots have fewer experts, each of them as sure.
      #expect(replayed.recall == 1 && replayed.precision == 1)
      #expect(oracle.loadError == replayed.loadError)
    }
  }

  @Test func eventsWithoutAForecastAreCounted() throws {
    let told = try forecasts(["layer-markov"]).map { record($0) }
    #expect(
      try recorded(Array(told.dropLast(3))).gaps
        == [RecordedChances.Gap(horizon: 1, missing: 2, events: pool.tokens * 2)])
    let none = try recorded([])
    #expect(none.gaps.isEmpty)
    let forecast = none.forecast("none", BatchSchedule(pool, size: 2, steps: 2))
    #expect(forecast.nextStep(layer: 0) == Array(repeating: 0, count: 12))
    #expect(forecast.laterLayer(1, observed: 0) == Array(repeating: 0, count: 12))
  }

  @Test(arguments: [
    (
      ForecastRecord(request: 0, position: 3, layer: 3, horizon: 1, experts: [1], chances: nil),
      "layer 3 is no MoE layer of the trace, which has 3, 1 to 5"
    ),
    (
      ForecastRecord(request: 9, position: 3, layer: 2, horizon: 1, experts: [1], chances: nil),
      "the trace has no request 9"
    ),
    (
      ForecastRecord(request: 0, position: 9, layer: 2, horizon: 1, experts: [1], chances: nil),
      "request 0 has no token 9, but 0 to 8"
    ),
    (
      ForecastRecord(request: 0, position: 3, layer: 2, horizon: 4, experts: [1], chances: nil),
      "horizon 4 is not from 0 to 3"
    ),
    (
      ForecastRecord(request: 0, position: 3, layer: 2, horizon: 1, experts: [12], chances: nil),
      "expert 12 is none of the trace's, 0 to 11"
    ),
    (
      ForecastRecord(request: 0, position: 3, layer: 2, horizon: 1, experts: [-1], chances: nil),
      "expert -1 is none"
    ),
    (
      ForecastRecord(request: 0, position: 3, layer: 2, horizon: 1, experts: [4, 4], chances: nil),
      "expert 4 stands in it twice"
    ),
    (
      ForecastRecord(request: 0, position: 3, layer: 2, horizon: 1, experts: [4], chances: []),
      "it has 1 experts and 0 chances"
    ),
    (
      ForecastRecord(
        request: 0, position: 3, layer: 2, horizon: 1, experts: [4, 5], chances: [0.9, 0.8]),
      "its chances add up to 1.7"
    ),
    (
      ForecastRecord(
        request: 0, position: 3, layer: 2, horizon: 1, experts: [4, 5], chances: [.nan, 0.8]),
      "its chances add up to"
    ),
    (
      ForecastRecord(
        request: 0, position: 3, layer: 2, horizon: 1, experts: [4], chances: nil, chosen: [0, 11]),
      "token 3 of request 0 chose other experts at layer 2 than it says"
    ),
    (
      ForecastRecord(request: 0, position: 2, layer: 2, horizon: 1, experts: [4], chances: nil),
      "token 2 of request 0 at layer 2, horizon 1, has a forecast already"
    ),
  ])
  func whatIsNoForecastOfTheTraceIsRefused(_ wrong: ForecastRecord, problem: String) throws {
    var collector = RecordedChances.Collector(pool, map)
    try collector.add(
      ForecastRecord(
        request: 0, position: 2, layer: 2, horizon: 1, experts: [3, 7], chances: [0.5, 0.25]))
    let fault = #expect(throws: ForecastFault.self) { try collector.add(wrong) }
    #expect(fault?.problem.hasPrefix(problem) == true, "\(fault?.description ?? "")")
    // What was told before stands.
    let chances = collector.chances()
    let row = chances.laterLayers[0]?.row(token: 2, layer: 1).map(Double.init) ?? []
    #expect(row == [0, 0, 0, 1, 0, 0, 0, 0.75, 0, 0, 0, 0])
  }

  @Test func tablesBeyondTheMemoryAreRefused() throws {
    var collector = RecordedChances.Collector(
      pool, map, memory: AvailableMemory(bytes: 100, bound: "a test"))
    #expect(throws: MemoryShortage.self) {
      try collector.add(
        ForecastRecord(request: 0, position: 2, layer: 2, horizon: 1, experts: [3], chances: nil))
    }
  }

  /// The pool numbers the tokens of its stage alone, request after request.
  @Test func positionsFollowThePool() throws {
    let shape = try TraceShape(modelLayers: [0], experts: 4, topK: 1)
    func block(_ runs: [(UInt64, Stage, Int, Int)]) throws -> TokenBlock {
      try TokenBlock(
        shape: shape,
        runs: runs.map { TokenRun(request: $0, stage: $1, firstToken: $2, count: $3) },
        ids: Array(repeating: 1, count: runs.reduce(0) { $0 + $1.3 }))
    }
    var positions = PoolPositions(stage: .decode)
    positions.add(try block([(7, .prefill, 0, 2), (3, .decode, 4, 2)]))
    positions.add(try block([(7, .decode, 2, 3), (3, .decode, 6, 1), (9, .decode, 0, 1)]))
    // Positions may be left out.
    positions.add(try block([(9, .decode, 1, 2), (9, .decode, 8, 2)]))
    let map = positions.map()
    #expect([0, 2, 8, 9].map { map(9, $0) } == [6, 8, 9, 10].map { .token($0) })
    #expect(map(9, 5) == .leftOut && map(9, 10) == .outside(0..<10))
    #expect((4..<7).map { map(3, $0) } == [.token(0), .token(1), .token(2)])
    #expect((2..<5).map { map(7, $0) } == [.token(3), .token(4), .token(5)])
    #expect(map(7, 1) == .leftOut && map(7, 5) == .outside(0..<5))
    #expect(map(3, 3) == .outside(4..<7) && map(4, 0) == .noRequest)
  }
}
