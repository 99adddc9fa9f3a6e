import Demand
import Testing

@testable import Wafer

/// Transfers beside demand, by hand: two dies without latencies, memories of 1 TB/s, links of .5
/// TB/s, experts of four chunks of 1 MB. A chunk takes a memory for 1 us and a link for 2 us;
/// computing a chunk of one request takes .25 us.
struct TransferTrafficTests {
  private let expert = ExpertCost(
    weightBytes: 4e6, flopsPerRequest: 1e6, activationBytesPerRequest: 0)

  private var fabric: Fabric {
    var hardware = Hardware()
    (hardware.columns, hardware.rows) = (2, 1)
    (hardware.hbmBandwidth, hardware.linkBandwidth) = (1e12, 0.5e12)
    hardware.computeFlops = 1e12
    (hardware.hbmLatency, hardware.linkLatency, hardware.commandBytes) = (0, 0, 0)
    (hardware.llcHit, hardware.llcMiss, hardware.llcWrite) = (0, 0, 0)
    return Fabric(hardware)
  }

  private func transfer(done: Int = 0) -> Transfer {
    Transfer(
      CopyKey(ExpertKey(layer: 0, expert: 5), on: 1), from: 0, to: .buffer(turn: 7), chunks: 4,
      done: done, value: 1)
  }

  /// Runs the tasks beside the transfers, a die asking for `window` chunks at a time.
  private func run(
    _ tasks: [ExpertTask], _ transfers: [Transfer], attached: [TransferTraffic.Attached],
    window: Double = 8e6, share: Double = 1, gap: Double = 0,
    remains: TransferTraffic.CarriedOver? = nil
  ) -> (LayerResult, TransferTraffic) {
    let fabric = fabric
    var engine = EventEngine()
    (engine.chunkBytes, engine.windowBytes) = (1e6, window)
    var traffic = TransferTraffic(
      transfers, attached: attached, remains: remains ?? .init(on: fabric), chunkBytes: 1e6,
      buffersInHBM: false, share: share, gapSeconds: gap, on: fabric)
    let run = EventRun(engine, tasks, copies: [], expert: expert, on: fabric)
    var result = LayerResult(tasks: tasks, copies: 0, on: fabric)
    var record = NoTimelineRecord()
    run.simulate(spacing: 1e-7, into: &result, beside: &traffic, noting: &record)
    return (result, traffic)
  }

  private func isNear(_ first: Double, _ second: Double) -> Bool { abs(first - second) < 1e-12 }

  private let remote = ExpertTask(expert: 3, die: 1, requests: 1, source: 0)
  private var here: TransferTraffic.Attached { TransferTraffic.Attached(die: 1) }

  @Test func demandAloneTakesItsTime() {
    // Memory done at 1, 2, 3, 4 us; link at 3, 5, 7, 9; computed at 9.25.
    let (result, traffic) = run([remote], [], attached: [here])
    #expect(isNear(result.seconds, 9.25e-6))
    #expect(traffic.attached[0].elsewhere == 4 && traffic.arrivals == 0)
  }

  /// The first chunk of the transfer takes memory and link before demand asks; then demand goes
  /// first, and waits for that one chunk of 2 us on the link.
  @Test func demandWaitsForOneChunkAtMost() {
    let (result, traffic) = run([remote], [transfer()], attached: [here])
    #expect(isNear(result.seconds, 11.25e-6))
    #expect(traffic.arrivals == 1 && traffic.moving[0].transfer.done == 1)
    // The second chunk took the link when demand left it, from 11 to 13 us; the others wait.
    #expect(traffic.remains.chunks.count == 3)
    #expect(isNear(traffic.remains.link.max() ?? 0, 1.75e-6))
    #expect(traffic.remains.memory.allSatisfy { $0 == 0 })
  }

  /// What was on its way goes on in the next layer: there the link is held for 1.75 us, and the
  /// three chunks come at 1.75, 3.75 and 5.75 us.
  @Test func chunksOnTheirWayGoOn() {
    let (_, before) = run([remote], [transfer()], attached: [here])
    let local = ExpertTask(expert: 9, die: 0, requests: 40, source: 0)
    let (result, traffic) = run(
      [local], [before.moving[0].transfer], attached: [TransferTraffic.Attached(die: 0)],
      remains: before.remains)
    #expect(traffic.arrivals == 3 && traffic.completed == [0])
    // 4 chunks of 10 us each after a first read of 1 us.
    #expect(isNear(result.seconds, 41e-6))
    #expect(traffic.remains.chunks.isEmpty && traffic.remains.link.allSatisfy { $0 == 0 })
  }

  /// The die first computes a local expert for 24 us, chunk by chunk; by then the transfer has
  /// brought the other, whose four chunks are computed in 1 us.
  @Test func aTransferThatCompletesWithinTheLayerHelpsItsLaterReads() {
    let local = ExpertTask(expert: 9, die: 1, requests: 20, source: 1)
    var attached = [here, here]
    let (late, _) = run([local, remote], [], attached: attached, window: 1e6)
    #expect(isNear(late.seconds, 37e-6))
    attached[1].moving = 0
    let (result, traffic) = run([local, remote], [transfer()], attached: attached, window: 1e6)
    #expect(isNear(result.seconds, 25e-6))
    #expect(traffic.attached[1].found == 4 && traffic.attached[1].lateSeconds == 0)
  }

  /// All four chunks are on their way when the die asks: it waits for them, and for nothing twice.
  @Test func aLateReadWaitsForJustTheRest() {
    var attached = here
    attached.moving = 0
    let (result, traffic) = run([remote], [transfer()], attached: [attached])
    #expect(isNear(result.seconds, 9.25e-6))
    #expect(traffic.attached[0].waited == 4 && traffic.attached[0].elsewhere == 0)
    #expect(isNear(traffic.attached[0].lateSeconds, 9e-6))
    // Two chunks there already: the two others come at 3 and 5 us.
    let (rest, half) = run([remote], [transfer(done: 2)], attached: [attached])
    #expect(isNear(rest.seconds, 5.25e-6))
    #expect(half.attached[0].found == 2 && half.attached[0].waited == 2)
    #expect(half.moving[0].transfer.done == 4 && half.arrivals == 2)
  }

  /// Where transfers may take no time, demand reads everything itself.
  @Test func noShareMovesNothing() {
    var attached = here
    attached.moving = 0
    let (result, traffic) = run([remote], [transfer()], attached: [attached], share: 0)
    #expect(isNear(result.seconds, 9.25e-6))
    #expect(traffic.arrivals == 0 && traffic.attached[0].elsewhere == 4)
  }

  /// In the time between layers transfers have everything to themselves.
  @Test func gapsCarryTransfers() {
    let (result, traffic) = run([remote], [transfer()], attached: [here], gap: 10e-6)
    #expect(isNear(result.seconds, 11.25e-6))
    // At 13, 15 and 17 us.
    #expect(traffic.arrivals == 4 && traffic.completed == [0])
  }
}
