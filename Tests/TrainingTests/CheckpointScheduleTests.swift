import Testing

@testable import Training

@Suite struct CheckpointScheduleTests {
  @Test func intervals() {
    #expect(CheckpointInterval("64") == .chunks(64))
    #expect(CheckpointInterval("2.5s") == .seconds(2.5))
    #expect(CheckpointInterval("1000e") == .events(1000))
    for text in ["", "0", "-1", "0s", "infs", "e", "3m"] {
      #expect(CheckpointInterval(text) == nil)
    }
    var seconds = CheckpointSchedule(.seconds(10), events: 0)
    #expect(
      [4, 11, 15, 22].map { seconds.isDue(chunks: 1, events: 1, seconds: $0) } == [
        false, true, false, true,
      ])
    var events = CheckpointSchedule(.events(100), events: 50)
    #expect(
      [100, 150, 200, 260].map { events.isDue(chunks: 1, events: $0, seconds: 0) } == [
        false, true, false, true,
      ])
  }
}
