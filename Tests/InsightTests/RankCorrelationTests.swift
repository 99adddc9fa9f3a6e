import Testing

@testable import Insight

@Suite struct RankCorrelationTests {
  @Test func equalsShareTheMeanOfTheirRanks() {
    #expect(RankCorrelation.ranks(of: [3, 1, 3, 0, 3]) == [3, 1, 3, 0, 3])
    #expect(RankCorrelation.ranks(of: [0, 0, 5, 0]) == [1, 1, 3, 1])
  }

  @Test func orderAloneCounts() {
    #expect(RankCorrelation.spearman([1, 2, 3, 4], [1, 10, 11, 900]) == 1)
    #expect(RankCorrelation.spearman([1, 2, 3, 4], [9, 7, 5, -2]) == -1)
    // Spearman 1904 by hand: d = (0, 1, 1, 0), 1 - 6 * 2 / (4 * 15).
    #expect(
      RankCorrelation.spearman([1, 2, 3, 4], [1, 3, 2, 4]).map { abs($0 - 0.8) < 1e-15 } == true)
  }

  @Test func whatIsTheSameEverywhereHasNoCorrelation() {
    #expect(RankCorrelation.spearman([1, 1, 1], [1, 2, 3]) == nil)
    #expect(RankCorrelation.spearman([], []) == nil)
  }
}
