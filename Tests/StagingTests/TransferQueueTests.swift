import Testing

@testable import Demand
@testable import Staging
@testable import Wafer

struct TransferQueueTests {
  /// Two dies, 1 MB chunks, memories of 1 TB/s and links of 0.5 TB/s: 1 and 2 us a chunk.
  private var fabric: Fabric {
    var hardware = Hardware()
    (hardware.columns, hardware.rows) = (2, 1)
    (hardware.hbmBandwidth, hardware.linkBandwidth) = (1e12, 0.5e12)
    return Fabric(hardware)
  }

  /// Three chunks of an expert from die 0 to die 1.
  private func transfer(_ expert: Int, value: Double) -> Transfer {
    Transfer(
      CopyKey(ExpertKey(layer: 0, expert: expert), on: 1), from: 0, to: .copy, chunks: 3,
      value: value)
  }

  @Test func movesWholeChunksOfTheBestTransferInIdleTime() {
    var queue = TransferQueue(fabric: fabric, chunkBytes: 1e6)
    queue.add(transfer(1, value: 1))
    queue.add(transfer(2, value: 2))
    var (memory, link) = ([9.5e-6, 9.5e-6], [9.5e-6, 9.5e-6])
    let (completed, moved) = queue.advance(idleMemory: &memory, idleLink: &link)
    // The link carries four chunks: three of the better transfer and one of the other.
    #expect(moved == 4)
    #expect(completed.map(\.key.expert.expert) == [2])
    #expect(queue.transfers.map(\.done) == [1])
    #expect(abs(memory[1] - 5.5e-6) < 1e-12 && abs(link[0] + link[1] - 11e-6) < 1e-12)
  }

  @Test func demandLeavesNoTimeThenNothingMoves() {
    var queue = TransferQueue(fabric: fabric, chunkBytes: 1e6)
    queue.add(transfer(1, value: 1))
    var (memory, link) = ([0.9e-6, 9e-6], [9e-6, 9e-6])
    #expect(queue.advance(idleMemory: &memory, idleLink: &link).chunks == 0)
    #expect(queue.take { $0.key.expert.expert == 1 }.count == 1 && queue.transfers.isEmpty)
  }
}
