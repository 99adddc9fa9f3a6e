import RoutingTrace

@testable import Wafer

/// A made-up system with one layer's work on it, drawn from a seed: any topology, up to 25 dies,
/// bandwidths and latencies over three orders of magnitude, tasks that read from anywhere.
struct RandomSystem {
  var hardware = Hardware()
  let expert: ExpertCost
  let tasks: [ExpertTask]
  /// Copies of some of what is read from elsewhere.
  let copies: [ExpertCopy]

  var fabric: Fabric { Fabric(hardware) }

  init(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    func real(_ least: Double, _ most: Double) -> Double {
      var power = 0.0
      power = Double.random(in: 0...1, using: &random)
      var value = least
      // Even in the logarithm, without a library of functions.
      for bit in 0..<20 {
        let part = 1.0 / Double(1 << (bit + 1))
        if power >= part {
          power -= part
          value *= root(most / least, bit + 1)
        }
      }
      return value
    }
    hardware.topology = Hardware.Topology.allCases.randomElement(using: &random) ?? .mesh
    hardware.columns = Int.random(in: 1...5, using: &random)
    hardware.rows = Int.random(in: 1...5, using: &random)
    hardware.expertHome = Int.random(in: 0..<4, using: &random) == 0 ? .host : .hbm
    hardware.computeFlops = real(1e13, 1e16)
    hardware.computeTileRequests = Int.random(in: 1...8, using: &random)
    hardware.hbmBandwidth = real(1e11, 1e13)
    hardware.linkBandwidth = real(1e10, 1e13)
    hardware.hostBandwidth = real(1e10, 1e12)
    hardware.hostLinkBandwidth = real(1e9, 1e11)
    hardware.hbmLatency = real(1e-8, 1e-6)
    hardware.linkLatency = real(1e-8, 1e-6)
    hardware.llcCapacity = real(1e6, 1e9)
    expert = ExpertCost(
      weightBytes: real(1e6, 1e8), flopsPerRequest: real(1e7, 1e9),
      activationBytesPerRequest: real(1e3, 1e6))
    let dies = hardware.dies
    let nodes = dies + (hardware.expertHome == .host ? 1 : 0)
    var tasks: [ExpertTask] = []
    var seen: Set<[Int]> = []
    for _ in 0..<Int.random(in: 1...60, using: &random) {
      let expert = Int.random(in: 0..<20, using: &random)
      let die = Int.random(in: 0..<dies, using: &random)
      let source = Bool.random(using: &random) ? die : Int.random(in: 0..<nodes, using: &random)
      guard seen.insert([expert, die]).inserted else { continue }
      tasks.append(
        ExpertTask(
          expert: expert, die: die, requests: Int.random(in: 1...300, using: &random),
          source: source))
    }
    self.tasks = tasks
    copies = tasks.filter { $0.source != $0.die && Bool.random(using: &random) }.map {
      ExpertCopy(die: Int($0.die), expert: Int($0.expert))
    }
  }
}

/// The square root, taken `times` times.
private func root(_ value: Double, _ times: Int) -> Double {
  (0..<times).reduce(value) { value, _ in value.squareRoot() }
}
