import Testing

@testable import Insight

@Suite struct ChanceShareTests {
  /// One choice is all of its row.
  @Test func fewChoicesLieOnFewExperts() {
    var chance = ChanceShare(popularity: Array(repeating: 1, count: 64), top: 13, seed: 1)
    #expect(chance.share(ofSum: 1) > 0.99)
    let shares = [1.0, 16, 256, 4096, 1e6].map { chance.share(ofSum: $0) }
    #expect(zip(shares, shares.dropFirst()).allSatisfy { $0 > $1 })
  }

  /// Many choices come to the shares themselves: 13 of 64 and little more.
  @Test func manyChoicesComeToThePopularity() {
    var even = ChanceShare(popularity: Array(repeating: 1, count: 64), top: 13, seed: 1)
    #expect(abs(even.share(ofSum: 1e9) - 13.0 / 64) < 1e-4)
    var skewed = ChanceShare(popularity: [6, 2, 1, 1], top: 1, seed: 1)
    #expect(abs(skewed.share(ofSum: 1e9) - 0.6) < 1e-4)
  }

  @Test func theOrderOfQuestionsDoesNotMatter() {
    var first = ChanceShare(popularity: [5, 3, 2, 2, 1], top: 1, seed: 7)
    var second = first
    let asked = [3.0, 70, 900].map { first.share(ofSum: $0) }
    #expect([900.0, 70, 3].map { second.share(ofSum: $0) } == asked.reversed())
  }
}
