import Counting
import RoutingTrace
import TestSupport
import Testing

@testable import Forecast

@Suite struct RepeatTableTests {
  /// What the table keeps of a context, as counts of three experts; nil where it knows none.
  static func kept(_ table: RepeatTable, _ hash: UInt32) -> [Float]? {
    let place = table.find(hash)
    guard place >= 0 else { return nil }
    var sums: [Float] = [0, 0, 0]
    let total = sums.withUnsafeMutableBufferPointer { sums in
      sums.baseAddress.map { table.count(place, into: $0) }
    }
    return total.map(Float.init) == sums.reduce(0, +) ? sums : nil
  }

  static func learn(_ table: inout RepeatTable, _ hash: UInt32, _ ids: [UInt16]) {
    let found = table.find(hash)
    ids.withUnsafeBufferPointer { ids in
      table.learn(hash, found: found, ExpertSet(first: ids.baseAddress, count: ids.count))
    }
  }

  /// A table of four places: each set of two takes 4 * 2 * 2 + 8 = 24 bytes.
  static let four = RepeatTable(topK: 2, budget: 4 * 24)

  @Test func theNewestSetsAreKept() {
    var table = Self.four
    #expect(Self.kept(table, 8) == nil)
    Self.learn(&table, 8, [0, 1])
    #expect(Self.kept(table, 8) == [1, 1, 0])
    for _ in 0..<3 { Self.learn(&table, 8, [2, 1]) }
    #expect(Self.kept(table, 8) == [1, 4, 3])
    Self.learn(&table, 8, [1])
    #expect(Self.kept(table, 8) == [0, 4, 3])
  }

  @Test func theContextWithTheFewestSetsMakesWay() {
    var table = Self.four
    #expect(table.places == 4)
    for hash in [8, 16, 24] as [UInt32] {
      for _ in 0..<3 { Self.learn(&table, hash, [0, 1]) }
    }
    Self.learn(&table, 32, [0, 1])
    Self.learn(&table, 40, [2, 1])
    // 32 had a single set; the others lost their oldest.
    #expect(Self.kept(table, 32) == nil)
    #expect(Self.kept(table, 40) == [0, 1, 1])
    for hash in [8, 16, 24] as [UInt32] { #expect(Self.kept(table, hash) == [2, 2, 0]) }
    Self.learn(&table, 48, [2, 1])
    #expect(Self.kept(table, 40) == nil && Self.kept(table, 48) == [0, 1, 1])
    for hash in [8, 16, 24] as [UInt32] { #expect(Self.kept(table, hash) == [1, 1, 0]) }
    // What did not come back goes in time: all have one set now, and 8 has the first place.
    Self.learn(&table, 56, [2, 1])
    #expect(Self.kept(table, 8) == nil && Self.kept(table, 56) == [0, 1, 1])
  }

  @Test func stateThatWasReadIsChecked() {
    var table = Self.four
    Self.learn(&table, 8, [0, 2])
    #expect(table.isSound(experts: 3) && !table.isSound(experts: 2))
    table.counts[0] = 5
    #expect(!table.isSound(experts: 3))
  }

  static func forecasts(
    _ name: String, _ ids: [UInt16], _ shape: TraceShape
  ) throws -> (Mixture, [[Double]]) {
    var mixture = Mixture(shape: shape, options: try #require(MixtureOptions(name: name)))
    var live = RequestBook()
    let collected = Collected()
    for chunk in try chunks(of: [RequestTrace(prefill: 0, ids: ids)], shape: shape) {
      mixture.process(live.resolve(chunk.block)) { _, probabilities in
        collected.forecasts.append(Array(probabilities))
      }
    }
    return (mixture, collected.forecasts)
  }

  final class Collected: @unchecked Sendable {
    var forecasts: [[Double]] = []
  }

  /// Where every context is new, `repeats` changes nothing, not even a bit.
  @Test func newContextsChangeNothing() throws {
    let shape = try TraceShape(modelLayers: [0], experts: 64, topK: 1)
    let ids = (0..<64).map { UInt16($0) }
    let with = try Self.forecasts("mixture:only-token:with-linear:with-repeats", ids, shape).1
    let without = try Self.forecasts("mixture:only-token:with-linear", ids, shape).1
    #expect(with.count == 64 && with == without)
  }

  /// A context of three layers that no part but `repeats` tells from others.
  @Test func whatCameBackIsForecast() throws {
    let shape = try TraceShape(modelLayers: [0, 1, 2, 3], experts: 4, topK: 1)
    var random = SplitMix64(seed: 5)
    var ids: [UInt16] = []
    for _ in 0..<2000 {
      let path = (0..<3).map { _ in UInt16.random(in: 0..<2, using: &random) }
      // The parity of three layers: every pair of them says nothing.
      ids += path + [path.reduce(0, ^)]
    }
    let with = try Self.forecasts("mixture:only-layer:with-repeats", ids, shape).1
    let without = try Self.forecasts("mixture:only-layer", ids, shape).1
    func right(_ forecasts: [[Double]]) -> Int {
      // In one chunk all events of a layer follow each other.
      (1000..<2000).count { token in
        let forecast = forecasts[3 * 2000 + token]
        return forecast.indices.max { forecast[$0] < forecast[$1] } == Int(ids[4 * token + 3])
      }
    }
    #expect(right(with) > 950 && right(without) < 600)
  }
}
