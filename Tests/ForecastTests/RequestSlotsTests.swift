import RoutingTrace
import Testing

@testable import Forecast

@Suite struct RequestSlotsTests {
  /// A one-layer block of `runs`, resolved by `live`.
  static func block(
    _ runs: [TokenRun], _ live: inout LiveRequests, labels: [RequestLabel] = []
  ) throws -> EventBlock {
    let tokens = runs.reduce(0) { $0 + $1.count }
    return live.resolve(
      try TokenBlock(
        shape: TraceShape(modelLayers: [0], experts: 4, topK: 1), runs: runs, labels: labels,
        ids: [UInt16](repeating: 0, count: tokens)))
  }

  static func run(
    _ request: UInt64, _ first: Int, _ count: Int, stage: Stage = .decode, ends: Bool = false
  ) -> TokenRun {
    TokenRun(request: request, stage: stage, firstToken: first, count: count, endsRequest: ends)
  }

  @Test func requestsKeepTheirPlaces() throws {
    var live = LiveRequests()
    var slots = RequestSlots(capacity: 8, keepsPrefill: true)
    var owners = slots.resolve(
      try Self.block([Self.run(7, 0, 2), Self.run(9, 0, 1), Self.run(7, 2, 1)], &live))
    #expect(owners.map(\.slot) == [0, 0, 1, 0])
    #expect(owners.map(\.isFresh) == [true, false, true, false])
    owners = slots.resolve(
      try Self.block([Self.run(9, 1, 1, ends: true), Self.run(11, 0, 1), Self.run(7, 3, 1)], &live))
    #expect(owners.map(\.slot) == [1, 1, 0])
    #expect(owners.map(\.isFresh) == [false, true, false])
    #expect(slots.isSound(tokens: 7))
  }

  @Test func theLongestUnheardOfIsForgotten() throws {
    var live = LiveRequests()
    var slots = RequestSlots(capacity: 2, keepsPrefill: true)
    let owners = slots.resolve(
      try Self.block(
        [
          Self.run(1, 0, 1), Self.run(2, 0, 1), Self.run(1, 1, 1), Self.run(3, 0, 1),
          Self.run(2, 1, 1), Self.run(1, 2, 1),
        ], &live))
    #expect(owners.map(\.slot) == [0, 1, 0, 1, 0, 1])
    #expect(owners.map(\.isFresh) == [true, true, false, true, true, true])
    #expect(slots.entries.count == 2 && slots.isSound(tokens: 6))
  }

  @Test func colderDecodesForgetThePrefill() throws {
    for primes in [true, false] {
      var live = LiveRequests()
      var slots = RequestSlots(capacity: 2, keepsPrefill: primes)
      let owners = slots.resolve(
        try Self.block([Self.run(1, 0, 2, stage: .prefill), Self.run(1, 2, 2)], &live))
      #expect(owners.map(\.isFresh) == [true, false, !primes, false])
    }
  }

  @Test func tasksAreRemembered() throws {
    var live = LiveRequests()
    var slots = RequestSlots(capacity: 4, keepsPrefill: true)
    let owners = slots.resolve(
      try Self.block(
        [Self.run(1, 0, 1), Self.run(2, 0, 1), Self.run(1, 1, 1)], &live,
        labels: [RequestLabel(request: 1, task: "law")]))
    #expect(owners[0].task > 0 && owners[0].task == owners[2].task)
    #expect(owners[1].task == 0)
  }
}
