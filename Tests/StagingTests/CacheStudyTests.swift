import RoutingTrace
import TestSupport
import Testing
import WaferSamples

@testable import Demand
@testable import Staging
@testable import Wafer

struct CacheStudyTests {
  /// Top-1 of 4 experts in one layer.
  private func pool(_ ids: [UInt16]) throws -> RequestPool {
    var pool = RequestPool(shape: try TraceShape(modelLayers: [0], experts: 4, topK: 1))
    pool.add(ids)
    return pool
  }

  @Test func hitsAreCountedByHand() throws {
    // Two places. LRU: 0m 1m 0h 2m(-1) 1m(-0) 0m(-2) 1h 3m(-0) 0m(-1): 2 hits.
    let study = CacheStudy(try pool([0, 1, 0, 2, 1, 0, 1, 3, 0]))
    #expect(study.run(.leastRecent, capacity: 2).hits == 2)
    // LFU: 0m 1m 0h 2m(-1) 1m(-2) 0h 1h 3m(-0, read as often as 1 but longer ago) 0m: 3 hits.
    #expect(study.run(.leastFrequent, capacity: 2).hits == 3)
    // Belady: 0m 1m 0h 2m(-0) 1h 0m(-2) 1h 3m(-1) 0h: 4 hits.
    #expect(study.run(.belady, capacity: 2).hits == 4)
    #expect(study.run(.leastRecent, capacity: 4).hits == 5)
    #expect(study.run(.leastRecent, capacity: 0).hits == 0)
  }

  @Test(arguments: [3, 9, 20]) func nothingBeatsBelady(capacity: Int) throws {
    let pool = try Samples.pool()
    let study = CacheStudy(pool)
    let belady = study.run(.belady, capacity: capacity)
    for policy in [EvictionPolicy.leastRecent, .leastFrequent] {
      #expect(study.run(policy, capacity: capacity).hits <= belady.hits)
    }
    let guided = study.guided(
      [CacheStudy.Guided(capacity: capacity, prefetches: 0)],
      try MixtureTables(pool, horizon: 2))[0]
    #expect(guided.hits <= belady.hits && guided.reads == belady.reads && guided.prefetches == 0)
  }

  @Test func prefetchesAreCounted() throws {
    let pool = try Samples.pool()
    let study = CacheStudy(pool)
    let tables = try MixtureTables(pool, horizon: 1)
    let options = CacheStudy.Guided(capacity: 9, prefetches: 2)
    let guided = study.guided([options], tables)[0]
    #expect(guided.prefetches > 0 && guided.prefetchesUsed <= guided.prefetches)
    #expect(guided.prefetchesUsed <= guided.hits && guided.precision <= 1)
    let none = CacheStudy.Guided(capacity: 0, prefetches: 2)
    let both = study.guided([none, options], tables)
    #expect(both[0].hits == 0 && both[1] == guided)
  }

  /// Two requests side by side read an expert once a turn, and in turns; one at a time, tokens come
  /// as the trace has them.
  @Test func requestsAreSideBySide() throws {
    var pool = RequestPool(shape: try TraceShape(modelLayers: [0], experts: 4, topK: 1))
    pool.add([0, 1, 2] as [UInt16])
    pool.add([0, 3] as [UInt16])
    pool.add([1] as [UInt16])
    #expect(pool.sideBySide(2) == [[0, 3], [1, 4], [2, 5]])
    #expect(pool.sideBySide(9) == [[0, 3, 5], [1, 4], [2]])
    #expect(pool.sideBySide(1) == [[0], [1], [2], [3], [4], [5]])
    func keys(_ slots: Int) -> [[Int]] {
      ExpertStream(pool, slots: slots).turns.map { $0.map(\.expert) }
    }
    #expect(keys(2) == [[0], [1, 3], [2, 1]])
    #expect(CacheStudy(pool, slots: 2).run(.leastRecent, capacity: 4).reads == 5)
  }

  /// A trace that interleaves two requests is replayed so.
  @Test func theTracesOrderIsKept() throws {
    let shape = try TraceShape(modelLayers: [0], experts: 4, topK: 1)
    func run(_ request: UInt64, _ first: Int, _ count: Int) -> TokenRun {
      TokenRun(
        request: request, stage: .decode, firstToken: first, count: count, endsRequest: first > 0)
    }
    let block = try TokenBlock(
      shape: shape, runs: [run(1, 0, 2), run(2, 0, 1), run(1, 2, 1), run(2, 1, 1)],
      ids: [0, 1, 3, 2, 0])
    var collector = RequestPool.Collector(shape: shape, stage: nil)
    collector.add(block)
    let pool = collector.pool()
    #expect(pool.starts == [0, 3, 5])
    #expect(
      ExpertStream(pool, slots: 1).turns.map { $0.map(\.expert) } == [[0], [1], [3], [2], [0]])
  }

  /// Who knows the future, and may bring as much ahead, is never behind: not LRU's hits, not a
  /// forecast's; and with all of a turn ahead only the first turn's reads are missed.
  @Test(arguments: [1, 3]) func nothingBeatsTheClairvoyant(slots: Int) throws {
    let pool = try Samples.pool()
    let study = CacheStudy(pool, slots: slots)
    let tables = try MixtureTables(pool, horizon: 2)
    for capacity in [6, 9, 20] {
      for ahead in [0, 1, 2, 12] {
        let bound = study.clairvoyant(capacity: capacity, prefetches: ahead)
        let guided = study.guided(
          [CacheStudy.Guided(capacity: capacity, prefetches: ahead)], tables)[0]
        #expect(guided.hits <= bound.hits, "\(capacity) places, \(ahead) ahead")
        #expect(bound.prefetchesUsed <= bound.prefetches && bound.brought >= bound.prefetches)
      }
      let all = study.clairvoyant(capacity: capacity, prefetches: 12)
      #expect(all.reads - all.hits == ExpertStream(pool, slots: slots).turns[0].count)
      #expect(all.prefetchesUsed == all.prefetches)
    }
  }

  /// Against an independent implementation (Python, OrderedDict and heaps) of the stated rule.
  @Test(.enabled(if: SharedData.isPresent, "../shared is absent"))
  func hitRatesOnLlama4() throws {
    let study = CacheStudy(try Llama4.decode.get())
    let capacity = study.capacity(share: 0.05)
    #expect(capacity == 153)
    let rates = [EvictionPolicy.leastRecent, .leastFrequent, .belady].map {
      (study.run($0, capacity: capacity).hitRate * 1e4).rounded()
    }
    #expect(rates == [6770, 6149, 8101])
  }
}
