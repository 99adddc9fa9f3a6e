import Testing

@testable import Insight

@Suite struct ConcentrationTests {
  @Test func theTopHoldsTheLargest() {
    #expect(Concentration.share(ofTop: 2, in: [5, 1, 3, 1] as [UInt32]) == 0.8)
    #expect(Concentration.share(ofTop: 9, in: [5, 1] as [UInt32]) == 1)
    #expect(Concentration.share(ofTop: 1, in: [0, 0] as [UInt32]) == nil)
    #expect(Concentration.share(ofTop: 1, in: [] as [UInt32]) == nil)
    #expect(
      Concentration.share(ofTop: 1, in: [.max, 1, .max] as [UInt32]).map { $0 < 0.5 } == true)
  }

  @Test func equalsAtTheEdgeCountAsOftenAsThereIsRoom() {
    #expect(Concentration.share(ofTop: 3, in: [4, 2, 2, 2, 0] as [UInt32]) == 0.8)
  }

  @Test func aTopIsRoundedAndNeverEmpty() {
    #expect([8, 32, 64, 128, 256].map { Concentration.top(0.2, of: $0) } == [2, 6, 13, 26, 51])
    #expect(Concentration.top(0.1, of: 1) == 1)
  }

  @Test func membersAreThoseCountedAndTheLowerOfEquals() {
    #expect(Concentration.members(3, of: [2, 7, 0, 2, 2]) == [1, 0, 3])
    #expect(Concentration.members(9, of: [0, 1, 0]) == [1])
  }
}
