import Forecast
import TestSupport
import Testing

@Suite struct ExpertRankerTests {
  /// Against a sort of all experts, with many ties and hardly any, for few and for all of them.
  @Test(arguments: [1, 2, 7, 64, 100, 256, 384], [9, 1 << 40])
  func theBestAreThoseOfASort(experts: Int, values: Int) {
    var random = SplitMix64(seed: 9)
    let ranker = ExpertRanker(experts: experts)
    for _ in 0..<20 {
      var probabilities = (0..<experts).map { _ in
        Double(Int.random(in: 0..<values, using: &random))
      }
      let sorted = (0..<experts).sorted {
        (probabilities[$0], $1) > (probabilities[$1], $0)
      }
      for wanted in Set([1, min(12, experts), (experts + 1) / 2, experts]) {
        var ids = [UInt16](repeating: .max, count: wanted)
        var chances = [Float](repeating: -1, count: wanted)
        probabilities.withUnsafeMutableBufferPointer { probabilities in
          ids.withUnsafeMutableBufferPointer { ids in
            chances.withUnsafeMutableBufferPointer { chances in
              ranker.best(by: probabilities, into: ids, chances: chances)
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
