import Forecast
import RoutingTrace
import TestSupport
import Testing

@Suite struct LiveRequestsTests {
  static func block(_ runs: [TokenRun], seed: UInt16 = 0) throws -> TokenBlock {
    let shape = try TraceShape(modelLayers: [0], experts: 100, topK: 1)
    let tokens = runs.map(\.count).reduce(0, +)
    return try TokenBlock(shape: shape, runs: runs, ids: (0..<UInt16(tokens)).map { $0 + seed })
  }

  static func run(
    _ request: UInt64, _ first: Int, _ count: Int, ends: Bool = false
  ) -> TokenRun {
    TokenRun(
      request: request, stage: .decode, firstToken: first, count: count, endsRequest: ends)
  }

  @Test func predecessorsWithinABlock() throws {
    var live = LiveRequests()
    let block = try live.resolve(
      Self.block([Self.run(1, 0, 2), Self.run(2, 5, 1), Self.run(1, 2, 1), Self.run(2, 7, 1)]))
    // Request 2's token 5 follows one never seen, its token 7 misses token 6.
    #expect(block.previous == [-1, 0, -1, 1, -1])
  }

  @Test func predecessorsAcrossBlocks() throws {
    var live = LiveRequests()
    _ = try live.resolve(Self.block([Self.run(1, 0, 2), Self.run(2, 0, 1)]))
    let block = try live.resolve(Self.block([Self.run(2, 1, 1), Self.run(1, 2, 1)], seed: 50))
    #expect(block.rows == 4)
    #expect(block.previous == [2, 3])
    // The carried rows hold request 2's token 0 (id 2) and request 1's token 1 (id 1).
    #expect(block.ids == [50, 51, 2, 1])
  }

  @Test func endedRequestsAreForgotten() throws {
    var live = LiveRequests()
    _ = try live.resolve(Self.block([Self.run(1, 0, 2, ends: true), Self.run(2, 0, 1)]))
    #expect(live.remembered.map(\.request) == [2])
    let block = try live.resolve(Self.block([Self.run(1, 2, 1)]))
    #expect(block.previous == [-1])
  }

  @Test func theOldestIsForgottenFirst() throws {
    var live = LiveRequests(capacity: 2)
    _ = try live.resolve(Self.block([Self.run(1, 0, 1), Self.run(2, 0, 1), Self.run(3, 0, 1)]))
    _ = try live.resolve(Self.block([Self.run(2, 1, 1), Self.run(4, 0, 1)]))
    #expect(live.remembered.map(\.request) == [2, 4])
    let rebuilt = LiveRequests(capacity: 2, entries: live.remembered, clock: live.clock)
    #expect(rebuilt == live)
  }
}
