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

  /// A day's traffic: a Poisson process whose rate swings about its mean as a sine does, from the
  /// lowest at the beginning to the highest in the middle and back.
  ///
  /// - Parameters:
  ///   - rate: Requests a second on average, above 0.
  ///   - swing: By which share of it the rate rises and falls, from 0 to 1.
  ///   - seconds: Length of the day.
  /// - Throws: ``Demand/SimulationError`` where that is no traffic, or more than a million requests.
  public static func day(
    rate: Double, swing: Double, seconds: Double, seed: UInt64
  ) throws(SimulationError) -> Arrivals {
    guard rate > 0, rate < .infinity, (0...1).contains(swing), seconds > 0, seconds < .infinity
    else {
      throw SimulationError(
        "a day has a rate above 0 a second, a swing from 0 to 1, and a length above 0 seconds")
    }
    guard rate * seconds <= 1e6 else {
      throw SimulationError("a day of more than a million requests; take a lower rate")
    }
    var random = SeededGenerator(seed: seed)
    let most = rate * (1 + swing)
    var times: [Double] = []
    var now = 0.0
    // Arrivals at the highest rate, of which those above the rate of the moment are left out.
    while true {
      now -= log(1 - Double.random(in: 0..<1, using: &random)) / most
      guard now < seconds else { break }
      let moment = rate * (1 - swing * cos(2 * .pi * now / seconds))
      if Double.random(in: 0..<1, using: &random) * most < moment { times.append(now) }
    }
    return try Arrivals(times)
  }
}
