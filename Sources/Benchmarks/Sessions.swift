import CLibrary
import CReferenceKernels
import RoutingTrace

/// Forecasts event by event, through the C library: what an engine's call takes with one request
/// in flight and with 64, while the model learns between tokens.
func sessions(_ trace: SyntheticTrace) throws -> [ResultRow] {
  let blocks = trace.chunks.prefix(2).map(\.block)
  let tokens = blocks.reduce(0) { $0 + $1.tokens }
  let perLayer = trace.shape.topK
  var ids: [UInt16] = []
  for layer in 0..<trace.shape.layers {
    for block in blocks {
      let row = layer * block.tokens * perLayer
      ids += block.ids[row..<row + block.tokens * perLayer]
    }
  }
  var shape = moecast_shape()
  shape.layers = UInt32(trace.shape.layers)
  shape.experts = UInt32(trace.shape.experts)
  shape.top_k = UInt32(trace.shape.topK)
  var rows: [ResultRow] = []
  for name in ["layer-markov", "mixture-fast", "mixture"] {
    for requests in [1, 64] {
      var latency = live_latency()
      guard
        live_measure(&shape, name, ids, tokens, tokens - tokens / 3, requests, &latency) == 0
      else { throw BenchmarkError.failed("the C library refused a call") }
      func row(_ what: String, _ value: Double) -> ResultRow {
        ResultRow(
          what: "\(name), \(requests) in flight: \(what), \(trace.name)", unit: "us a request",
          ours: value, isTime: true)
      }
      rows += [
        row("forecast, p50", latency.forecast.p50), row("forecast, p99", latency.forecast.p99),
        row("observe layers 0 and 1, p50", latency.observe_first.p50),
        row("observe layers 0 and 1, p99", latency.observe_first.p99),
        row("observe later layers, p50", latency.observe.p50),
        row("observe later layers, p99", latency.observe.p99),
      ]
    }
  }
  return rows
}
