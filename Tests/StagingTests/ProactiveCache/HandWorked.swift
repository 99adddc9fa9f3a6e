import Demand
import Wafer
import WaferSamples

@testable import Staging

/// A GPU of round figures with experts in host memory: a chunk takes a microsecond on its way, an
/// expert has six, and is computed two and a half a request. Nothing else takes time.
enum HandWorked {
  static var hardware: Hardware {
    var hardware = Hardware()
    (hardware.name, hardware.columns, hardware.rows) = ("by hand", 1, 1)
    hardware.expertHome = .host
    (hardware.hostBandwidth, hardware.hostLatency) = (1e24, 0)
    (hardware.hostLinkBandwidth, hardware.hostLinkLatency) = (1e12, 0)
    (hardware.hbmBandwidth, hardware.hbmLatency) = (1e24, 0)
    (hardware.llcHit, hardware.llcMiss, hardware.llcWrite) = (0, 0, 0)
    hardware.commandBytes = 0
    hardware.computeFlops = 2.4e12
    return hardware
  }

  /// Experts of 6 MB in chunks of 1 MB.
  static var setup: StagingSimulation {
    var setup = StagingSimulation(hardware: hardware, model: Samples.model)
    var engine = EventEngine()
    engine.chunkBytes = 1e6
    setup.engine = .event(engine)
    return setup
  }

  /// A run of three layers with so many places each, that notes its events.
  static func run(_ rules: ProactiveRules, slots: Int = 12) -> ProactiveRun {
    var engine = EventEngine()
    engine.chunkBytes = 1e6
    var run = ProactiveRun(
      rules, TransferCosts(setup),
      homes: Array(repeating: Array(repeating: 1, count: 12), count: 3),
      slots: [slots], engine: engine)
    run.record = []
    return run
  }

  /// One request of each of these experts.
  static func counts(_ experts: Int...) -> [Int] {
    (0..<12).map { experts.contains($0) ? 1 : 0 }
  }

  /// What is expected of a layer, the first the likeliest.
  static func load(_ experts: Int...) -> [Double] {
    (0..<12).map { expert in
      experts.firstIndex(of: expert).map { 2 - Double($0) / 10 } ?? 0
    }
  }
}

extension ProactiveRun {
  /// When each expert was computed, in microseconds, in order.
  var computed: [(expert: Int, at: Double)] {
    (record ?? []).compactMap {
      if case .computed(let key, let time) = $0 {
        (key.expert, (time * 1e9).rounded() / 1e3)
      } else {
        nil
      }
    }
  }

  /// When an expert's chunks came, in microseconds.
  func came(_ expert: Int, layer: Int) -> [Double] {
    (record ?? []).compactMap {
      if case .came(ExpertKey(layer: layer, expert: expert), let time) = $0 {
        (time * 1e9).rounded() / 1e3
      } else {
        nil
      }
    }
  }
}
