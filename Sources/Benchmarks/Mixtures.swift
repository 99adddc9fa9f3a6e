import Forecast
import Prequential
import RoutingTrace

/// The mixture's presets with everything that `train` does, then what each part adds, in turns with
/// the frame of the mixture around its cheapest part.
func mixture(_ trace: SyntheticTrace, _ rounds: Rounds) throws -> [ResultRow] {
  let parts = [
    "layer", "request", "recent", "pairs", "joint-pairs", "near-paths", "long-paths", "best-paths",
    "linear",
  ]
  let frame = "mixture:only-frequency"
  let names = ["mixture", "mixture-fast", frame] + parts.map { frame + ":with-" + $0 }
  // One chunk: parts cost hundreds of nanoseconds an event.
  let chunk = trace.chunks[0]
  let events = Double(chunk.block.events)
  let seconds = try rounds.medians(
    names.map { name in
      {
        var learner = try Learner(shape: trace.shape, predictors: [name])
        try learner.consume(chunk)
      }
    })
  let presets = zip(names, [0.2, 1.0]).enumerated().map { index, preset in
    ResultRow(
      what: "\(preset.0), \(trace.name)", unit: "M events/s", ours: events / 1e6 / seconds[index],
      ceiling: preset.1, ceilingName: "the goal")
  }
  let added = parts.enumerated().map { index, part in
    ResultRow(
      what: "\(part) beside frequency", unit: "ns/event",
      ours: (seconds[3 + index] - seconds[2]) / events * 1e9, isTime: true)
  }
  return presets + [
    ResultRow(
      what: "frequency alone: ranks, loss, the mixture's frame", unit: "ns/event",
      ours: seconds[2] / events * 1e9, isTime: true)
  ] + added
}
