import Demand
import Placement
import RoutingTrace
import Wafer

/// Experts that lie where they are, all the time; or until a balancer places them anew, every so many
/// steps, by what was asked for since it last did: serving stands still until the weights are moved.
struct PlacedRun: ExpertServing {
  private let setup: ServerlessSimulation
  private let layers: Int
  /// The memory behind the GPUs that has all experts.
  private let store: Int
  /// Where experts are placed anew; nil for never.
  private let balancer: (layout: DeviceLayout, every: Int)?
  /// By layer.
  private var holders: [Holders]
  /// By layer and expert: requests since experts were placed.
  private var loads: [[Double]]
  private var transfers: WeightTransfers
  /// When memory begins to be paid for.
  private let began: Double
  private(set) var result = ServerlessResult()

  /// - Parameters:
  ///   - holders: By layer: where experts lie at the beginning.
  ///   - balancer: Their slots, and after how many steps they are placed anew; nil for never.
  ///   - began: When memory begins to be paid for.
  init(
    _ setup: ServerlessSimulation, holders: [Holders], store: Int,
    balancer: (layout: DeviceLayout, every: Int)?, from began: Double
  ) {
    self.began = began
    self.setup = setup
    self.holders = holders
    self.store = store
    self.balancer = balancer
    layers = holders.count
    loads = Array(
      repeating: Array(repeating: 0, count: setup.model.experts), count: holders.count)
    transfers = WeightTransfers(setup.expert, on: setup.fabric)
  }

  private var gigabytesPerInstance: Double {
    setup.expert.weightBytes * Double(setup.model.moeLayers.count) / Double(layers) / 1e9
  }

  mutating func begin(_ tokens: [Int], step: Int, at now: Double) -> Double {
    guard let balancer, step > 0, step % balancer.every == 0 else { return 0 }
    // The loads are numbers of all layers, so they are evidence.
    guard let evidence = try? PlacementEvidence(loads: loads),
      let map = try? EPLB().place(evidence, on: balancer.layout)
    else { return 0 }
    var last = now
    for layer in 0..<layers {
      let placed = map.holders(layer: layer)
      for expert in 0..<placed.experts {
        let before = holders[layer][expert]
        for gpu in placed[expert] where !before.contains(gpu) {
          let source =
            (before + [store]).min {
              (transfers.arrival(from: $0, to: gpu, at: now), $0)
                < (transfers.arrival(from: $1, to: gpu, at: now), $1)
            } ?? store
          result.moveSeconds += transfers.seconds(from: source, to: gpu)
          last = max(last, transfers.move(from: source, to: gpu, at: now))
          result.movedGigabytes += gigabytesPerInstance
        }
      }
      holders[layer] = placed
      for expert in loads[layer].indices { loads[layer][expert] = 0 }
    }
    result.pauseSeconds += last - now
    return last - now
  }

  mutating func serve(
    step: Int, layer: Int, counts: [Int], chosen: [UInt16], at now: Double
  ) -> Double {
    var tasks: [ExpertTask] = []
    for (expert, count) in counts.enumerated() where count > 0 {
      loads[layer][expert] += Double(count)
      let gpus = holders[layer][expert]
      let (share, rest) = count.quotientAndRemainder(dividingBy: gpus.count)
      for (index, gpu) in gpus.enumerated() {
        let requests = share + (index < rest ? 1 : 0)
        guard requests > 0 else { continue }
        tasks.append(ExpertTask(expert: expert, die: gpu, requests: requests, source: gpu))
      }
    }
    let seconds = BoundEngine()
      .run(tasks, copies: [], expert: setup.expert, on: setup.fabric).seconds
    result.count(tasks, asked: counts.count { $0 > 0 })
    result.layerSeconds.add(seconds)
    return seconds
  }

  mutating func close(at now: Double) {
    let slots =
      balancer.map { $0.layout.slots * layers }
      ?? holders.reduce(0) { sum, layer in
        (0..<layer.experts).reduce(sum) { $0 + layer[$1].count }
      }
    result.peakGigabytes = Double(slots) * gigabytesPerInstance
    result.gigabyteSeconds = result.peakGigabytes * (now - began)
  }
}
