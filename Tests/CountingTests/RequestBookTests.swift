import Counting
import RoutingTrace
import TestSupport
import Testing

@Suite struct RequestBookTests {
  /// A block of one layer whose tokens chose the experts `seed`, `seed + 1`, ...
  static func block(
    _ runs: [TokenRun], seed: UInt16 = 0, labels: [RequestLabel] = []
  ) throws -> TokenBlock {
    let shape = try TraceShape(modelLayers: [0], experts: 30_000, topK: 1)
    let tokens = runs.map(\.count).reduce(0, +)
    return try TokenBlock(
      shape: shape, runs: runs, labels: labels, ids: (0..<UInt16(tokens)).map { $0 + seed })
  }

  static func run(
    _ request: UInt64, _ first: Int, _ count: Int, stage: Stage = .decode, ends: Bool = false
  ) -> TokenRun {
    TokenRun(request: request, stage: stage, firstToken: first, count: count, endsRequest: ends)
  }

  @Test func predecessorsWithinABlock() throws {
    var book = RequestBook()
    let block = try book.resolve(
      Self.block([Self.run(1, 0, 2), Self.run(2, 5, 1), Self.run(1, 2, 1), Self.run(2, 7, 1)]))
    // Request 2's token 5 follows one never seen, its token 7 misses token 6.
    #expect(block.previous == [-1, 0, -1, 1, -1])
    #expect(block.owners.map(\.isFirst) == [true, false, true, false, true])
    #expect(block.owners.map(\.place) == [0, 0, 1, 0, 1])
    #expect(block.runOwners.map(\.isNew) == [true, true, false, false])
    #expect(block.places == 2)
  }

  @Test func predecessorsAcrossBlocks() throws {
    var book = RequestBook()
    _ = try book.resolve(Self.block([Self.run(1, 0, 2), Self.run(2, 0, 1)]))
    let block = try book.resolve(Self.block([Self.run(2, 1, 1), Self.run(1, 2, 1)], seed: 50))
    #expect(block.rows == 4)
    #expect(block.previous == [2, 3])
    // The carried rows hold request 2's token 0 (id 2) and request 1's token 1 (id 1).
    #expect(block.ids == [50, 51, 2, 1])
  }

  @Test func endedRequestsGiveUpTheirPlaces() throws {
    var book = RequestBook()
    _ = try book.resolve(Self.block([Self.run(1, 0, 2, ends: true), Self.run(2, 0, 1)]))
    #expect(book.entries.map(\.request) == [2] && book.free.isEmpty && book.places == 1)
    let block = try book.resolve(Self.block([Self.run(1, 2, 1)]))
    #expect(block.previous == [-1] && block.owners[0].isFirst && block.owners[0].place == 1)
  }

  @Test func theOneLongestUnheardOfIsForgotten() throws {
    var book = RequestBook(capacity: 2)
    let block = try book.resolve(
      Self.block([
        Self.run(1, 0, 1), Self.run(2, 0, 1), Self.run(1, 1, 1), Self.run(3, 0, 1),
        Self.run(2, 1, 1), Self.run(1, 2, 1),
      ]))
    #expect(block.owners.map(\.place) == [0, 1, 0, 1, 0, 1])
    #expect(block.owners.map(\.isFirst) == [true, true, false, true, true, true])
    #expect(block.runOwners.map(\.displaces) == [false, false, false, true, true, true])
    #expect(book.entries.map(\.request) == [2, 1])
  }

  @Test func theDecodeIsEnteredOnce() throws {
    var book = RequestBook()
    let block = try book.resolve(
      Self.block([Self.run(1, 0, 2, stage: .prefill), Self.run(1, 2, 2), Self.run(1, 4, 1)]))
    #expect(block.owners.map(\.entersDecode) == [false, false, true, false, false])
  }

  @Test func tasksAreRemembered() throws {
    var book = RequestBook()
    var block = try book.resolve(
      Self.block(
        [Self.run(1, 0, 1), Self.run(2, 0, 1)], labels: [RequestLabel(request: 1, task: "law")]))
    #expect(block.owners[0].task > 0 && block.owners[1].task == 0)
    let law = block.owners[0].task
    block = try book.resolve(Self.block([Self.run(2, 1, 1), Self.run(1, 1, 1)]))
    #expect(block.owners.map(\.task) == [0, law])
    #expect(block.runOwners.map(\.task) == [0, TaskName.hash("law")])
    #expect((1...Int32(TaskName.buckets)).contains(law))
  }

  /// What a checkpoint keeps gives the same book; what cannot be one is none.
  @Test func booksAreMadeAgainFromTheirEntries() throws {
    var book = RequestBook(capacity: 3)
    _ = try book.resolve(
      Self.block([
        Self.run(5, 0, 1), Self.run(6, 0, 2, ends: true), Self.run(7, 3, 1), Self.run(5, 1, 1),
      ]))
    let (entries, free) = (book.entries, book.free)
    var again = try #require(RequestBook(capacity: 3, entries: entries, free: free))
    #expect(again == book && again.hashValue == book.hashValue)
    let next = try Self.block([Self.run(5, 2, 1), Self.run(8, 0, 1), Self.run(9, 0, 1)])
    let (one, other) = (book.resolve(next), again.resolve(next))
    #expect(one.owners == other.owners && one.ids == other.ids && book == again)

    #expect(RequestBook(capacity: 1, entries: entries, free: free) == nil)
    #expect(RequestBook(capacity: 3, entries: entries + entries, free: []) == nil)
    #expect(RequestBook(capacity: 3, entries: entries, free: [0]) == nil)
    var twice = entries
    twice[1].request = twice[0].request
    #expect(RequestBook(capacity: 3, entries: twice, free: free) == nil)
    var beyond = entries
    beyond[0].place = 9
    #expect(RequestBook(capacity: 3, entries: beyond, free: free) == nil)
  }

  /// The same as a plain list in which everybody is looked for, whatever the size of blocks, with
  /// more requests than are remembered.
  @Test(arguments: [1, 7, 64, 1000])
  func agreesWithAList(runsInABlock: Int) throws {
    var random = SplitMix64(seed: 3)
    var book = RequestBook(capacity: 5)
    var list: [(request: UInt64, next: Int, id: UInt16)] = []
    var runs: [TokenRun] = []
    var wanted: [UInt16?] = []
    var seed: UInt16 = 0
    for step in 0..<1000 {
      let request = UInt64.random(in: 0..<12, using: &random)
      let known = list.firstIndex { $0.request == request }
      let count = Int.random(in: 1...3, using: &random)
      let skips = Int.random(in: 0..<8, using: &random) == 0 ? 1 : 0
      let first = (known.map { list[$0].next } ?? 0) + skips
      wanted.append(known.flatMap { skips == 0 ? list[$0].id : nil })
      wanted += Array(repeating: nil, count: count - 1)
      if let known { list.remove(at: known) }
      if list.count == 5 { list.removeFirst() }
      let ends = Int.random(in: 0..<4, using: &random) == 0
      let tokens = runs.reduce(0) { $0 + $1.count }
      runs.append(Self.run(request, first, count, ends: ends))
      if !ends { list.append((request, first + count, seed + UInt16(tokens + count - 1))) }
      guard runs.count == runsInABlock || step == 999 else { continue }
      let block = try book.resolve(Self.block(runs, seed: seed))
      var token = 0
      for run in runs {
        // The first token of a run follows what the list remembers; the others follow it.
        let previous = Int(block.previous[token])
        #expect((previous < 0 ? nil : block.ids[previous]) == wanted[token])
        #expect(block.owners[token].isFirst == (wanted[token] == nil))
        token += run.count
      }
      #expect(book.entries.map(\.request) == list.map(\.request))
      #expect(book.entries.map(\.nextToken) == list.map(\.next))
      #expect(book.entries.map { $0.ids[0] } == list.map(\.id))
      seed += UInt16(token)
      (runs, wanted) = ([], [])
    }
  }
}
