import Forecast
import Prequential
import RoutingTrace

/// Forecasts event by event: what a session's steps take, with 64 requests in flight.
///
/// Every request's layer is observed, and the next one forecast, for all requests in turns: an
/// engine's decode batch. The learner has learnt four chunks and is only read.
func sessions(_ trace: SyntheticTrace, _ rounds: Rounds) throws -> [ResultRow] {
  let (inFlight, tokens) = (64, 4)
  var rows: [ResultRow] = []
  for name in ["layer-markov", "mixture-fast", "mixture"] {
    var learner = try Learner(shape: trace.shape, predictors: [name])
    for chunk in trace.chunks.prefix(4) { try learner.consume(chunk, workers: 2) }
    let sessions = (0..<inFlight).map { learner.session(of: UInt64($0)) }
    let block = trace.chunks[4 % trace.chunks.count].block
    let chosen = (0..<trace.shape.layers).map { layer in
      (0..<block.tokens).map { Array(block.chosen(layer: layer, token: $0)) }
    }
    var first = 0
    var closed = ClosedTokens(shape: trace.shape)
    /// Lets every request decode some tokens; forecasts each event if `forecasts`.
    func decode(forecasts: Bool) throws {
      for token in 0..<tokens {
        for session in sessions { try learner.open(.decode, in: session) }
        for layer in 0..<trace.shape.layers {
          for (index, session) in sessions.enumerated() {
            if forecasts { _ = try learner.forecast(layer, by: 0, in: session) }
            let at = (first + index * tokens + token) % block.tokens
            try learner.observe(chosen[layer][at], layer: layer, in: session)
          }
        }
        closed.removeAll()
        for session in sessions { try learner.close(session, into: &closed) }
      }
      first += inFlight * tokens
    }
    let seconds = try rounds.medians([
      { try decode(forecasts: false) }, { try decode(forecasts: true) },
    ])
    let events = Double(inFlight * tokens * trace.shape.layers)
    rows += [
      ResultRow(
        what: "\(name): a layer observed, \(trace.name)", unit: "ns/event",
        ours: seconds[0] / events * 1e9, isTime: true),
      ResultRow(
        what: "\(name): a layer forecast, \(trace.name)", unit: "ns/event",
        ours: (seconds[1] - seconds[0]) / events * 1e9, isTime: true),
    ]
  }
  return rows
}
