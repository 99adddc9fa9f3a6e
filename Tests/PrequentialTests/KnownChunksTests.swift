import TestSupport
import Testing

@testable import Prequential

@Suite struct KnownChunksTests {
  @Test func whatWasLearntAndWhatComesAgainAreToldApart() {
    var known = KnownChunks([7, 8, 9])
    for digest in [1, 7, 2, 1, 9, 9] as [UInt32] { known.note(digest) }
    #expect(known.passed == 6)
    #expect(known.learnt == 3)
    #expect(known.repeated == 2)
    #expect(KnownChunks([7, 8]).count(in: [8, 1, 8]) == 2)
  }

  /// Among so many chunks a few digests are equal by chance, which is nothing to tell.
  @Test func chanceIsNotTold() {
    var random = SplitMix64(seed: 1)
    let digests = (0..<200_000).map { _ in UInt32(truncatingIfNeeded: random.next()) }
    var known = KnownChunks(digests)
    for _ in 0..<200_000 { known.note(UInt32(truncatingIfNeeded: random.next())) }
    #expect(known.learnt == 0 && known.repeated == 0)
    for digest in digests.prefix(1000) { known.note(digest) }
    #expect(known.learnt >= 1000)
  }
}
