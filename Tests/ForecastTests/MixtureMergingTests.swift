import Counting
import RoutingTrace
import TestSupport
import Testing

@testable import Forecast

/// What becomes of each piece of a mixture's state when shards are joined.
@Suite struct MixtureMergingTests {
  private let shape: TraceShape

  init() throws { shape = try TraceShape(modelLayers: [0, 1, 2], experts: 12, topK: 2) }

  /// A mixture that has learnt one request of so many random tokens.
  func mixture(_ name: String, tokens: Int, seed: UInt64) throws -> Mixture {
    var random = SplitMix64(seed: seed)
    let request = RequestTrace.random(
      shape: shape, prefill: 0, decode: tokens, using: &random)
    var options = try #require(MixtureOptions(name: name))
    options.storedPaths = 512
    var mixture = Mixture(shape: shape, options: options)
    var book = RequestBook()
    for chunk in try chunks(of: [request], shape: shape) {
      mixture.process(book.resolve(chunk.block)) { _, _ in }
    }
    return mixture
  }

  /// The shards joined, with their tokens.
  static func joined(_ shards: [(Mixture, tokens: Int)]) -> Mixture {
    var sum = Mixture(shape: shards[0].0.shape, options: shards[0].0.options)
    let all = shards.reduce(0) { $0 + $1.tokens }
    var before = 0
    for (shard, tokens) in shards {
      sum.join(shard, share: ShardShare(before: before, own: tokens, all: all))
      before += tokens
    }
    return sum
  }

  /// Rows are on their way: 40 visits have brought one to half of 2, 120 another to three quarters
  /// of 2 2/3. Both together go to 2.5, and 160 visits have brought it to four fifths of that.
  @Test func linearRowsGoOnTheirWay() throws {
    var one = try mixture("mixture-fast", tokens: 20, seed: 1)
    var other = try mixture("mixture-fast", tokens: 20, seed: 2)
    let lanes = one.layers[1].lanes
    func set(_ mixture: inout Mixture, _ row: Int, _ value: Float, visits: UInt32) {
      var values = mixture.layers[1].linear.values
      for lane in 0..<lanes { values[row * lanes + lane] = value }
      mixture.layers[1].linear.values = values
      mixture.layers[1].linearVisits[row] = visits
    }
    set(&one, 3, 1, visits: 40)
    set(&other, 3, 2, visits: 120)
    set(&one, 4, 0.3, visits: 7)
    set(&other, 4, 0, visits: 0)
    set(&one, 5, 0, visits: 0)
    set(&other, 5, 0.7, visits: 9)
    let sum = Self.joined([(one, 20), (other, 20)]).layers[1]
    for (row, value, visits) in [(3, 2, 160), (4, 0.3, 7), (5, 0.7, 9)] as [(Int, Float, UInt32)] {
      #expect(abs(sum.linear.values[row * lanes] - value) < 1e-5, "row \(row)")
      #expect(sum.linearVisits[row] == visits, "row \(row)")
    }
  }

  @Test func weightsAreTheMeanByTokens() throws {
    var one = try mixture("mixture", tokens: 30, seed: 1)
    var other = try mixture("mixture", tokens: 10, seed: 2)
    for layer in 0..<3 {
      one.layers[layer].weights[0] = 0.4
      other.layers[layer].weights[0] = 0.8
      one.layers[layer].power[0] = 1
      other.layers[layer].power[0] = 3
    }
    let sum = Self.joined([(one, 30), (other, 10)])
    for layer in sum.layers {
      #expect(abs(layer.weights[0] - 0.5) < 1e-6 && abs(layer.power[0] - 1.5) < 1e-6)
      #expect(layer.histories.counts.isEmpty && layer.histories.recent.isEmpty)
    }
  }

  /// Of 600 and 300 tokens 512 paths are kept: the newest 341 and 171, each with its follower.
  @Test func theNewestPathsOfEachShardAreKept() throws {
    let one = try mixture("mixture", tokens: 600, seed: 1)
    let other = try mixture("mixture", tokens: 300, seed: 2)
    let paths = try #require(Self.joined([(one, 600), (other, 300)]).paths)
    let (first, second) = (try #require(one.paths), try #require(other.paths))
    #expect(paths.written == 512 && paths.lastStored.isEmpty)
    let path = paths.layers * paths.words
    func masks(_ memory: PathMemory, _ number: Int) -> [UInt64] {
      let slot = number % 512
      return Array(memory.masks[slot * path..<(slot + 1) * path])
    }
    for number in 0..<512 {
      let source =
        number < 341 ? masks(first, 600 - 341 + number) : masks(second, 300 - 171 + number - 341)
      #expect(masks(paths, number) == source, "\(number)")
      // One request each: every path is followed by the next, but for the shard's last.
      let isLast = number == 340 || number == 511
      #expect(paths.successors[number] == (isLast ? -1 : Int32(number + 1)), "\(number)")
    }
    for layer in 0..<2 {
      for expert in 0..<12 {
        let words = paths.columns[(layer * 12 + expert) * 8..<(layer * 12 + expert + 1) * 8]
        let users = (0..<512).count { paths.masks[$0 * path + layer] >> UInt64(expert) & 1 == 1 }
        #expect(words.reduce(0) { $0 + $1.nonzeroBitCount } == users)
      }
    }
  }

  /// Pairs that both met add up, and nothing is lost where there is room.
  @Test func pairsAddUp() throws {
    let one = try mixture("mixture-all", tokens: 60, seed: 1)
    let other = try mixture("mixture-all", tokens: 60, seed: 2)
    let sum = Self.joined([(one, 60), (other, 60)])
    func totals(_ mixture: Mixture) -> [UInt32: UInt32] {
      var totals: [UInt32: UInt32] = [:]
      let table = mixture.layers[2].pairs[0]
      for row in 0..<table.rows where table.keys[row] != 0 {
        totals[table.keys[row], default: 0] += table.table.totals[row]
      }
      return totals
    }
    #expect(totals(sum) == totals(one).merging(totals(other), uniquingKeysWith: +))
    #expect(totals(one).keys.contains { totals(other)[$0] != nil })
    let chosen = (0..<3).map { layer in
      zip(one.layers[layer].frequency.cells.values, other.layers[layer].frequency.cells.values)
        .map(+).prefix(12)
    }
    #expect(sum.fault(tokens: 120, chosen: chosen.map(Array.init)) == nil)
  }

  /// A full table keeps the pairs that were met most often, whichever shard knows them.
  @Test func frequentPairsStay() {
    func table(_ pairs: [(pair: Int, times: Int)]) -> PairTable {
      var table = PairTable(experts: 64, lanes: 64, budget: 0, halvingTotal: 0)
      let ids: [UInt16] = [5]
      for (pair, times) in pairs {
        for _ in 0..<times {
          ids.withUnsafeBufferPointer { ids in
            table.withLearner {
              $0.rows.learn($0.claim(pair), ExpertSet(first: ids.baseAddress, count: 1))
            }
          }
        }
      }
      return table
    }
    func total(_ table: PairTable, _ pair: Int) -> UInt32 {
      table.withView { view in
        let row = view.find(pair)
        return row < 0 ? 0 : view.rows.totals[row]
      }
    }
    // Four places in all.
    var one = table([(1, 9), (2, 2), (3, 8), (4, 7)])
    one.join(table([(1, 1), (5, 3), (6, 1)]))
    #expect([1, 2, 3, 4, 5, 6].map { total(one, $0) } == [10, 0, 8, 7, 3, 0])
  }

  /// The later shard's sets of a context are the newer ones, and a context with more sets takes the
  /// place of one with fewer.
  @Test func repeatsAreJoined() {
    func table(_ sets: [(hash: UInt32, ids: [UInt16])]) -> RepeatTable {
      var table = RepeatTableTests.four
      for (hash, ids) in sets { RepeatTableTests.learn(&table, hash, ids) }
      return table
    }
    let both = [UInt16](arrayLiteral: 0, 1)
    var one = table([(8, both), (8, both), (8, both), (16, both), (24, both), (32, both)])
    let place = one.find(8)
    one.join(table([(8, [2, 1]), (8, [2, 0]), (40, [2, 1]), (40, [2, 1])]))
    #expect(Array(one.sets[place * 8..<place * 8 + 8]) == [2, 0, 2, 1, 0, 1, 0, 1])
    #expect(RepeatTableTests.kept(one, 40) == [0, 2, 2])
    #expect([16, 24, 32].count { RepeatTableTests.kept(one, $0) == [1, 1, 0] } == 2)
    #expect(one.isSound(experts: 3))
  }

  @Test func placesAreGivenAwayByTokens() {
    var random = SplitMix64(seed: 3)
    for _ in 0..<50 {
      let tokens = (0..<Int.random(in: 1...16, using: &random)).map { _ in
        Int.random(in: 0...100_000, using: &random)
      }
      let all = tokens.reduce(0, +)
      var before = 0
      var given = 0
      for own in tokens {
        let share = ShardShare(before: before, own: own, all: all)
        let places = share.places(of: 16_384)
        #expect(abs(Double(places) - 16_384 * Double(own) / Double(max(1, all))) <= 1)
        if before == 0 { #expect(share.fraction == (own > 0 ? 1 : 0)) }
        before += own
        given += places
      }
      #expect(given == (all > 0 ? 16_384 : 0))
    }
  }
}
