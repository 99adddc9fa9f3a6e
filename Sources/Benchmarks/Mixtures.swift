import Forecast
import Prequential
import RoutingTrace

/// The fast preset against its goal, with everything that `train` does, then what each part adds,
/// in turns with the frame of the mixture around its cheapest part.
func mixture(_ trace: SyntheticTrace, _ rounds: Rounds) throws -> [ResultRow] {
  let parts = [
    "layer", "skip2", "token", "request", "recent", "pairs", "joint-pairs", "near-paths",
    "long-paths", "best-paths", "repeats", "linear",
  ]
  let paths = ["long-paths", "best-paths"]
  let frame = "mixture:only-frequency"
  // The search for paths is shared: the first part that needs it pays for it.
  let searching = frame + ":with-near-paths"
  let names =
    ["mixture-fast", frame]
    + parts.map { (paths.contains($0) ? searching : frame) + ":with-" + $0 }
  // Four chunks fill the stored paths; then every round takes the next chunk of the stream.
  let stored = 4
  let events = Double(trace.chunks[0].block.events)
  let seconds = try rounds.medians(
    try names.map { name in
      var learner = try Learner(shape: trace.shape, predictors: [name])
      for chunk in trace.chunks.prefix(stored) { try learner.consume(chunk, workers: 2) }
      var next = stored
      return {
        try learner.consume(trace.chunks[next % trace.chunks.count])
        next += 1
      }
    })
  let fast = ResultRow(
    what: "\(names[0]), \(trace.name)", unit: "M events/s", ours: events / 1e6 / seconds[0],
    ceiling: 1, ceilingName: "the goal")
  let search = 2 + (parts.firstIndex(of: "near-paths") ?? 0)
  let added = parts.enumerated().map { index, part in
    let before = paths.contains(part) ? search : 1
    return ResultRow(
      what: "\(part) beside " + (before == 1 ? "frequency" : "near-paths"), unit: "ns/event",
      ours: (seconds[2 + index] - seconds[before]) / events * 1e9, isTime: true)
  }
  return [
    fast,
    ResultRow(
      what: "frequency alone: ranks, loss, the mixture's frame", unit: "ns/event",
      ours: seconds[1] / events * 1e9, isTime: true),
  ] + added
}
