import Forecast
import TestSupport
import Testing

@Suite struct RankingTests {
  /// Against a sort of all experts, with many ties, for few and for all of them.
  @Test(arguments: [1, 2, 7, 64, 256])
  func theBestAreThoseOfASort(experts: Int) {
    var random = SplitMix64(seed: 9)
    for _ in 0..<20 {
      var probabilities = (0..<experts).map { _ in Double(Int.random(in: 0..<9, using: &random)) }
      let sorted = (0..<experts).sorted {
        (probabilities[$0], $1) > (probabilities[$1], $0)
      }
      for wanted in Set([1, (experts + 1) / 2, experts]) {
        var ids = [UInt16](repeating: .max, count: wanted)
        var chances = [Float](repeating: -1, count: wanted)
        probabilities.withUnsafeMutableBufferPointer { probabilities in
          ids.withUnsafeMutableBufferPointer { ids in
            chances.withUnsafeMutableBufferPointer { chances in
              Ranking.best(by: probabilities, into: ids, chances: chances)
            }
          }
          #expect(Ranking.best(wanted, by: probabilities) == Array(sorted.prefix(wanted)))
        }
        #expect(ids == sorted.prefix(wanted).map { UInt16($0) })
        #expect(chances == sorted.prefix(wanted).map { Float(probabilities[$0]) })
      }
    }
  }
}
