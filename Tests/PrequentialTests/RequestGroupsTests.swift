import Counting
import RoutingTrace
import TestSupport
import Testing

@testable import Prequential

@Suite struct RequestGroupsTests {
  /// Groups and the book of requests that they go by.
  struct Groups {
    var groups = RequestGroups()
    var book = RequestBook()
  }

  static func groups(_ runs: [TokenRun], _ own: inout Groups) throws -> [Int32] {
    let tokens = runs.reduce(0) { $0 + $1.count }
    return own.groups.resolve(
      own.book.resolve(
        try TokenBlock(
          shape: TraceShape(modelLayers: [0], experts: 4, topK: 1), runs: runs,
          ids: [UInt16](repeating: 0, count: tokens))))
  }

  static func run(_ request: UInt64, _ first: Int, _ count: Int, ends: Bool = false) -> TokenRun {
    TokenRun(
      request: request, stage: .decode, firstToken: first, count: count, endsRequest: ends)
  }

  @Test func requestsAreAloneInTheirGroups() throws {
    var groups = Groups()
    #expect(
      try Self.groups(
        [Self.run(7, 0, 2), Self.run(9, 0, 1), Self.run(7, 2, 1, ends: true)], &groups)
        == [0, 0, 1, 0])
    // Request 9 goes on; another comes under the number 7.
    #expect(try Self.groups([Self.run(9, 1, 1), Self.run(7, 0, 1)], &groups) == [1, 2])
  }

  @Test func manyRequestsShareAFixedNumber() throws {
    var groups = Groups()
    let runs = (0..<20_000).map { Self.run(UInt64($0), 0, 1, ends: true) }
    let found = try Self.groups(runs, &groups)
    #expect(found.prefix(RequestGroups.count).elementsEqual(0..<Int32(RequestGroups.count)))
    #expect(found.allSatisfy { (0..<Int32(RequestGroups.count)).contains($0) })
    var sizes = [Int](repeating: 0, count: RequestGroups.count)
    for group in found { sizes[Int(group)] += 1 }
    // 3.9 further requests a group on average.
    #expect(try #require(sizes.max()) < 20)
  }

  /// One that was forgotten among more than are remembered stays together from then on.
  @Test func theForgottenStayTogether() throws {
    var groups = Groups()
    let many = RequestBook.standardCapacity + 10
    _ = try Self.groups((0..<many).map { Self.run(UInt64($0), 0, 1) }, &groups)
    let again = try Self.groups((0..<many).map { Self.run(UInt64($0), 1, 1) }, &groups)
    let onceMore = try Self.groups((0..<many).map { Self.run(UInt64($0), 2, 1) }, &groups)
    #expect(again == onceMore)
  }

  /// Groups of many requests have an interval as wide as the requests themselves, within a tenth.
  @Test(arguments: [5000, 30_000]) func intervalsAreAsWideAsThoseOfRequests(_ count: Int) throws {
    var random = SplitMix64(seed: UInt64(count))
    let rows = (0..<count).map { _ in
      let events = UInt64.random(in: 1...20, using: &random)
      // Requests differ in how well they are forecast.
      let skill = Double.random(in: 0.2...0.9, using: &random)
      let hits = (0..<events).count { _ in Double.random(in: 0..<1, using: &random) < skill }
      return GroupSums.Row(
        events: events, lossSteps: UInt64(hits) << 22, chosen: events, hits: [UInt64(hits)])
    }
    var groups = Groups()
    let found = try Self.groups(
      rows.indices.map { Self.run(UInt64($0), 0, 1, ends: true) }, &groups)
    let none = GroupSums.Row(hits: [0])
    var grouped = [GroupSums.Row](repeating: none, count: RequestGroups.count)
    for (row, group) in zip(rows, found.map(Int.init)) {
      grouped[group].events += row.events
      grouped[group].lossSteps += row.lossSteps
      grouped[group].chosen += row.chosen
      grouped[group].hits[0] += row.hits[0]
    }
    let exact = Bootstrap.ratios(rows, hits: 1, resamples: 2000, seed: 1)
    let fewer = Bootstrap.ratios(grouped, hits: 1, resamples: 2000, seed: 1)
    for (own, other) in zip(exact, fewer) {
      #expect(own.value == other.value)
      #expect(abs((other.high - other.low) / (own.high - own.low) - 1) < 0.1)
    }
  }
}
