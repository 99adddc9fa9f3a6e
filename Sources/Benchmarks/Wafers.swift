import Demand
import RoutingTrace
import Wafer

/// The staging engines on the Dojo wafer with Llama-4's shape.
func wafer(_ rounds: Rounds) throws -> [ResultRow] {
  let trace = try SyntheticTrace(
    "llama-4-maverick", layers: 24, experts: 128, topK: 1, chunks: 4)
  var collector = RequestPool.Collector(shape: trace.shape, stage: .decode)
  for chunk in trace.chunks { collector.add(chunk.block) }
  let pool = collector.pool()
  guard let model = ModelShape.named("llama-4-maverick"),
    let hardware = try Hardware.shipped("dojo")
  else { throw BenchmarkError.failed("dojo or llama-4-maverick is not known") }
  var simulation = Simulation(
    hardware: hardware, model: model, format: .bf16, batch: 4096, steps: 2, strategy: .base)
  let tasks = try simulation.run(pool, transitions: nil).rows.reduce(0) { $0 + $1.result.tasks }
  var events = 0
  let bound = simulation
  simulation.engine = .event(EventEngine())
  let event = simulation
  let seconds = try rounds.medians([
    { _ = try bound.run(pool, transitions: nil) },
    {
      events = try event.run(pool, transitions: nil).rows.reduce(0) { $0 + $1.result.events }
    },
  ])
  return [
    ResultRow(
      what: "wafer, bound engine, plans included", unit: "M tasks/s",
      ours: Double(tasks) / 1e6 / seconds[0]),
    ResultRow(
      what: "wafer, event engine, plans included", unit: "M events/s",
      ours: Double(events) / 1e6 / seconds[1], ceiling: 20, ceilingName: "the goal"),
  ]
}
