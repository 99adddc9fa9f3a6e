import Demand
import RoutingTrace
import Testing
import WaferSamples

@testable import Wafer

struct TimelineTests {
  private func result(_ strategy: Strategy) throws -> (Simulation, SimulationResult) {
    var simulation = Simulation(
      hardware: Samples.hardware, model: Samples.model, batch: 200, steps: 3, strategy: strategy)
    simulation.warmSteps = 1
    simulation.timelineLayer = 1
    var event = EventEngine()
    event.chunkBytes = 1e6
    simulation.engine = .event(event)
    let pool = try Samples.pool()
    return (
      simulation, try simulation.run(pool, transitions: try TransitionCounts(of: pool))
    )
  }

  /// Spans of a resource follow each other, add up to its busy time, and end with the layer.
  @Test(arguments: [Strategy.base, .prediction, .expertParallel])
  func spansAddUpToBusyTimes(strategy: Strategy) throws {
    let (simulation, result) = try result(strategy)
    let timeline = try #require(result.timeline)
    #expect(timeline.step == 1 && timeline.layer == 1)
    let row = try #require(result.rows.first { $0.step == 1 && $0.layer == 1 })
    var busy: [Span.Resource: Double] = [:]
    var last: [Span.Resource: Double] = [:]
    for span in timeline.spans.sorted(by: { $0.begin < $1.begin }) {
      #expect(span.begin >= (last[span.resource] ?? 0) - 1e-12 && span.end > span.begin)
      last[span.resource] = span.end
      busy[span.resource, default: 0] += span.end - span.begin
      #expect(timeline.plan.indices.contains(span.task))
    }
    func most(_ resources: [Span.Resource]) -> Double { resources.map { busy[$0] ?? 0 }.max() ?? 0 }
    let fabric = simulation.fabric
    #expect(
      abs(most((0..<fabric.dies).map { .compute($0) }) / row.result.computeSeconds - 1) < 1e-9)
    #expect(
      abs(most((0..<fabric.nodes).map { .memory($0) }) / row.result.memorySeconds - 1) < 1e-9)
    #expect(
      abs(most((0..<fabric.links).map { .link($0) }) - row.result.linkSeconds)
        <= 1e-9 * row.result.linkSeconds)
    #expect((last.values.max() ?? 0) <= row.result.seconds * (1 + 1e-12))
    #expect(
      timeline.spans.contains { $0.kind == .copy } == (row.result.copies > 0))
  }

  /// What was summed up over layers, and the bottleneck.
  @Test func resultsTellWhatWasBusy() throws {
    let (simulation, result) = try result(.base)
    #expect(result.meanBusy.link.count == simulation.fabric.links)
    let mean = result.meanBusy.compute.reduce(0, +) / 6
    #expect(abs(mean / result.mean(\.meanComputeSeconds) - 1) < 1e-9)
    #expect(result.rows.allSatisfy { $0.result.busy == nil })
    var layer = LayerResult(tasks: [], copies: 0, on: simulation.fabric)
    layer.setBusy(BusySeconds(compute: [1, 2], memory: [3], link: [5, 4]))
    layer.seconds = 6
    #expect(layer.bottleneck == .link && layer.linkSeconds == 5 && layer.meanLinkSeconds == 4.5)
    layer.seconds = 11
    #expect(layer.bottleneck == .latency)
    layer.setBusy(BusySeconds(compute: [9], memory: [3], link: []))
    #expect(layer.bottleneck == .compute && layer.meanLinkSeconds == 0)
  }
}
