import Demand
import RoutingTrace
import Wafer
import WaferSamples

@testable import Serving

/// Systems and requests that the tests of serverless experts share.
enum ServerlessSamples {
  /// GPUs behind a switch at 100 GB/s, a host at 10 GB/s a GPU and 15 GB/s in all, 1 TB/s of HBM; no
  /// latencies.
  static func hardware(gpus: Int = 2) -> Hardware {
    var hardware = Hardware()
    (hardware.name, hardware.topology) = ("pair", .switch)
    (hardware.columns, hardware.rows) = (gpus, 1)
    (hardware.computeFlops, hardware.hbmBandwidth) = (1e14, 1e12)
    (hardware.hbmLatency, hardware.llcMiss, hardware.linkLatency) = (0, 0, 0)
    hardware.linkBandwidth = 100e9
    hardware.expertHome = .host
    (hardware.hostLatency, hardware.hostLinkLatency) = (0, 0)
    (hardware.hostBandwidth, hardware.hostLinkBandwidth) = (15e9, 10e9)
    return hardware
  }

  /// Experts of 6 MB: 6 us to read, 60 ns a request, 600 us from the host, 60 us from a GPU.
  static let expert = ExpertCost(shape: Samples.model, format: .bf16)

  static func simulation(
    _ hardware: Hardware = hardware(), slots: Int = 4, window: Double = 0
  ) throws -> ServerlessSimulation {
    var simulation = try ServerlessSimulation(
      hardware: hardware, model: Samples.model, slots: slots)
    simulation.window = window
    return simulation
  }

  /// Every policy, serverless by every forecast that needs no tables.
  static let policies: [(name: String, policy: ServerlessSimulation.Policy)] =
    [("static", .fixed), ("eplb", .balanced(every: 3, redundant: 2))]
    + [ForecastChoice.none, .persistence, .frequency, .mixture, .oracle].map {
      ($0.rawValue, .serverless(ServerlessOptions(), $0))
    }
}
