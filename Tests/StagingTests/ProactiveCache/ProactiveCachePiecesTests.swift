import Demand
import Testing

@testable import Staging

/// The rules of chunks, places, priorities and order, each alone.
struct ProactiveCachePiecesTests {
  /// A cache with these experts whole, the least recently used first.
  private func cache(_ experts: [Int], slots: Int, chunks: Int = 2) -> ChunkedCache {
    var cache = ChunkedCache(slots: slots, chunks: chunks)
    for expert in experts {
      for _ in 0..<chunks {
        _ = cache.ask(expert)
        cache.receive(expert, byForecast: false)
      }
    }
    return cache
  }

  @Test func theLeastRecentlyUsedLeaves() {
    var cache = cache([1, 2, 3], slots: 3)
    cache.touch(1)
    guard case .asked(let evicted) = cache.ask(4) else {
      Issue.record("refused")
      return
    }
    #expect(evicted?.expert == 2)
    #expect(cache.entries.map(\.expert) == [3, 1, 4])
  }

  @Test func sparedOnesStayUnlessSomebodyIsStuck() {
    var cache = cache([1, 2], slots: 2)
    cache.spare([1, 2])
    #expect(cache.ask(4) == .refused)
    cache.read(2)
    guard case .asked(let evicted) = cache.ask(4) else {
      Issue.record("refused")
      return
    }
    #expect(evicted?.expert == 2)
    cache.spare([1])
    #expect(cache.ask(5) == .refused, "4 has a chunk on its way")
    guard case .asked(let last) = cache.ask(5, isStuck: true) else {
      Issue.record("refused")
      return
    }
    #expect(last?.expert == 1)
  }

  @Test func anExpertIsAskedForChunkByChunkOnce() {
    var cache = ChunkedCache(slots: 1, chunks: 2)
    #expect(cache.ask(3) == .asked(evicted: nil) && !cache.isAsked(3))
    #expect(cache.ask(3) == .asked(evicted: nil) && cache.isAsked(3))
    #expect(cache.ask(3) == .refused)
    cache.receive(3, byForecast: true)
    #expect(cache.ready(3) == 1 && !cache.isWhole(3))
    cache.receive(3, byForecast: true)
    #expect(cache.isWhole(3) && cache.entries[0].unread == 2)
    cache.read(3)
    #expect(cache.entries[0].unread == 0)
  }

  @Test func whatIsOnItsWayOutlastsEmptying() {
    var cache = cache([1], slots: 2)
    _ = cache.ask(2)
    #expect(cache.removeAll().map(\.expert) == [1])
    #expect(cache.entries.map(\.expert) == [2])
  }

  @Test func preciseTasksGoBeforeForecastOnes() {
    let (one, two, other) = (
      ExpertKey(layer: 1, expert: 1), ExpertKey(layer: 1, expert: 2), ExpertKey(layer: 2, expert: 1)
    )
    var tasks = TransferTasks()
    tasks.add(forecast: [one, two, other, one])
    #expect(tasks.next.keys == [one, two, other] && tasks.next.areForecast)
    tasks.dropForecasts(of: 1)
    tasks.add(precise: [two])
    #expect(tasks.next.keys == [two] && !tasks.next.areForecast)
    tasks.remove(two)
    #expect(tasks.next.keys == [other] && tasks.next.areForecast)
  }

  /// Forecast experts of which something is there are touched, the likeliest last; the others are
  /// queued; no more than there are places.
  @Test func forecastsTouchAndQueue() {
    var die = ProactiveDie(layers: 1, slots: 3, chunks: 2)
    die.caches[0] = cache([1, 2, 3], slots: 3)
    die.forecast([2, 9, 1, 8], layer: 0)
    #expect(die.caches[0].entries.map(\.expert) == [3, 1, 2])
    #expect(die.tasks.forecast == [ExpertKey(layer: 0, expert: 9)])
    #expect(die.caches[0].spared == [1, 2, 9])
  }

  @Test func mostReadyChunksGoFirst() {
    var cache = ChunkedCache(slots: 3, chunks: 4)
    for (expert, chunks) in [(1, 1), (2, 3), (3, 1)] {
      for _ in 0..<chunks {
        _ = cache.ask(expert)
        cache.receive(expert, byForecast: true)
      }
    }
    #expect(ProactiveDie.byReadyChunks([0, 1, 2, 3], cache) == [2, 1, 3, 0])
  }

  @Test func readyOnesAreComputedInTheirOrder() {
    var order = ComputeOrder([1, 4, 7], whole: [4])
    #expect(order.next() == 4)
    #expect(order.next() == nil)
    order.becomesReady(7)
    order.becomesReady(1)
    order.becomesReady(7)
    #expect(order.next() == 7 && order.next() == 1 && order.waiting.isEmpty)
    var byNumber = ComputeOrder([1, 4], whole: [4], reorders: false)
    #expect(byNumber.next() == nil)
    byNumber.becomesReady(1)
    #expect(byNumber.next() == 1 && byNumber.next() == 4)
  }

  @Test func goodPredictionIsAccuracyTimesTimeliness() {
    var report = ProactiveReport()
    #expect(report.goodPrediction == 0)
    (report.forecasts, report.right, report.inTime) = (10, 8, 5)
    #expect(report.accuracy == 0.8 && report.timeliness == 0.5)
    #expect(abs(report.goodPrediction - 0.4) < 1e-15)
  }
}
