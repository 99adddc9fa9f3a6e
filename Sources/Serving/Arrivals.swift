import Demand
import Glibc
import RoutingTrace

/// When requests arrive: seconds from the beginning, ascending.
public struct Arrivals: Hashable, Sendable {
  /// The seconds, one a request.
  public let seconds: [Double]

  /// Arrivals at known times, put in order.
  ///
  /// - Throws: ``Demand/SimulationError`` where one is no number from 0 on.
  public init(_ seconds: [Double]) throws(SimulationError) {
    guard seconds.allSatisfy({ $0 >= 0 && $0 < .infinity }) else {
      throw SimulationError("requests arrive at numbers of seconds from 0 on")
    }
    self.seconds = seconds.sorted()
  }

  /// A Poisson process: times between arrivals are drawn from an exponential distribution.
  ///
  /// - Parameters:
  ///   - rate: Requests a second, above 0.
  ///   - count: How many arrive.
  public static func poisson(
    rate: Double, count: Int, seed: UInt64
  ) throws(SimulationError) -> Arrivals {
    guard rate > 0, rate < .infinity else {
      throw SimulationError("requests arrive at a rate above 0 a second")
    }
    var random = SeededGenerator(seed: seed)
    var now = 0.0
    return try Arrivals(
      (0..<count).map { _ in
        now -= log(1 - Double.random(in: 0..<1, using: &random)) / rate
        return now
      })
  }
}
