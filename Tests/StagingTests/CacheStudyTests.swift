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
