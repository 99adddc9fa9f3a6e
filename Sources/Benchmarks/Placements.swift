import Placement
import RoutingTrace

/// DeepSeek's balancer on DeepSeek-V3's shape: 58 layers of 256 experts with their loads drawn as in
/// use, a few experts taking most. 32 redundant experts fill 32 GPUs; 64 GPUs need 64.
func placement(_ rounds: Rounds) throws -> [ResultRow] {
  var random = SeededGenerator(seed: 1)
  let evidence = try PlacementEvidence(
    loads: (0..<58).map { _ in
      (0..<256).map { _ in
        let part = Double.random(in: 0..<1, using: &random)
        return (part * part * part * part * 10_000).rounded()
      }
    })
  let layouts = [(gpus: 32, nodes: 4), (gpus: 64, nodes: 8)]
  return try layouts.flatMap { gpus, nodes in
    let flat = try DeviceLayout(experts: 256, gpus: gpus, redundant: gpus)
    let tree = try DeviceLayout(experts: 256, gpus: gpus, nodes: nodes, redundant: gpus)
    let seconds = try rounds.medians([
      { _ = try EPLB().place(evidence, on: flat) },
      { _ = try EPLB(groups: 8).place(evidence, on: tree) },
    ])
    return zip(["flat", "8 groups on \(nodes) nodes"], seconds).map { kind, seconds in
      ResultRow(
        what: "EPLB, 58 x 256 experts on \(gpus) GPUs, \(kind)", unit: "ms", ours: seconds * 1e3,
        ceiling: 20, ceilingName: "the goal", isTime: true)
    }
  }
}
