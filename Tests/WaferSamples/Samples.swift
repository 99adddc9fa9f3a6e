import Demand
import RoutingTrace
import Wafer

/// Small made-up inputs that every machine has.
public enum Samples {
  /// Top-2 of 12 experts in 3 layers, experts of 6 MB.
  public static let model = ModelShape(
    name: "sample", layers: 3, moeLayers: 0..<3, experts: 12, sharedExperts: 0, topK: 2,
    hidden: 1000, intermediate: 1000)

  /// 7 requests of 5 to 11 tokens whose experts drift slowly, so that forecasts have something to
  /// hold.
  public static func pool() throws -> RequestPool {
    var pool = RequestPool(shape: try model.traceShape())
    var state: UInt64 = 1
    func random(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    for request in 0..<7 {
      var ids: [UInt16] = []
      for token in 0..<(5 + request) {
        for layer in 0..<3 {
          let expert = (request + token / 3 + layer * 5 + random(2)) % 12
          ids += [UInt16(expert), UInt16((expert + 1 + random(10)) % 12)]
        }
      }
      pool.add(ids)
    }
    return pool
  }

  /// The systems that ship.
  public static let systems = Hardware.shippedNames

  /// A 3 x 2 mesh with Dojo's other figures.
  public static var hardware: Hardware {
    var hardware = Hardware()
    (hardware.name, hardware.columns, hardware.rows) = ("sample", 3, 2)
    return hardware
  }
}
