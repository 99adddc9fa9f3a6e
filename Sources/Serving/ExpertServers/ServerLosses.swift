import Demand
import RoutingTrace

/// Which servers are lost when, and when others come in their place.
public struct ServerLosses: Hashable, Sendable {
  /// The end of one server.
  public struct Loss: Hashable, Sendable {
    /// Which of the servers that are there at the beginning, from 0.
    public let server: Int
    /// Seconds from the beginning.
    public let seconds: Double

    /// The loss of a server at a time.
    public init(server: Int, seconds: Double) {
      (self.server, self.seconds) = (server, seconds)
    }
  }

  /// The losses, in order of time.
  public let losses: [Loss]
  /// Seconds after its loss at which another server begins to load what the lost one held; nil for
  /// never.
  public let replacedAfter: Double?

  /// No server is lost.
  public static let none = ServerLosses()

  private init() { (losses, replacedAfter) = ([], nil) }

  /// Losses at known times.
  ///
  /// - Throws: ``Demand/SimulationError`` where a server is lost that is not there, or no more.
  public init(
    _ losses: [Loss], servers: Int, replacedAfter: Double? = nil
  ) throws(SimulationError) {
    var isLost: Set<Int> = []
    for loss in losses {
      guard (0..<max(0, servers)).contains(loss.server) else {
        throw SimulationError(
          "server \(loss.server) cannot be lost: the \(servers) servers are numbered from 0")
      }
      guard isLost.insert(loss.server).inserted else {
        throw SimulationError("server \(loss.server) is lost twice; give each once")
      }
      guard loss.seconds >= 0, loss.seconds < .infinity else {
        throw SimulationError("servers are lost at numbers of seconds from 0 on")
      }
    }
    if let replacedAfter, !(replacedAfter >= 0 && replacedAfter < .infinity) {
      throw SimulationError("servers are replaced after a number of seconds from 0 on")
    }
    self.losses = losses.sorted { ($0.seconds, $0.server) < ($1.seconds, $1.server) }
    self.replacedAfter = replacedAfter
  }

  /// So many servers, drawn at random, one after another at equal distances within a run.
  ///
  /// - Parameter seconds: The run's; the first is lost after a share of `1 / (count + 1)` of them.
  /// - Throws: ``Demand/SimulationError`` where there are not as many.
  public static func drawn(
    _ count: Int, of servers: Int, in seconds: Double, replacedAfter: Double? = nil, seed: UInt64
  ) throws(SimulationError) -> ServerLosses {
    guard (0...max(0, servers)).contains(count) else {
      throw SimulationError("\(count) of \(servers) servers cannot be lost; give fewer")
    }
    var random = SeededGenerator(seed: seed)
    let chosen = Array(0..<servers).shuffled(using: &random).prefix(count)
    return try ServerLosses(
      chosen.enumerated().map {
        Loss(server: $1, seconds: seconds * Double($0 + 1) / Double(count + 1))
      }, servers: servers, replacedAfter: replacedAfter)
  }

  /// Refuses losses after which those who are left have no room for all experts and nobody comes.
  ///
  /// - Parameters:
  ///   - capacity: Experts that a server holds.
  ///   - experts: All that must be held.
  func check(servers: Int, capacity: Int, experts: Int) throws(SimulationError) {
    guard replacedAfter == nil else { return }
    let left = servers - losses.count
    let (room, overflow) = left.multipliedReportingOverflow(by: capacity)
    guard overflow || room >= experts else {
      throw SimulationError(
        "after \(losses.count) losses \(left) servers are left with room for \(room) of \(experts)"
          + " experts, and nobody could answer for the others; lose fewer, begin with more servers,"
          + " or replace them")
    }
  }
}
