import Demand

/// How many attention clients and expert servers there are, and how long clients bear silence.
public struct ServiceOptions: Hashable, Sendable {
  /// Attention clients: GPUs that keep requests and ask servers for their experts.
  public var clients = 4
  /// Requests that a client has under way at once, at most.
  public var batch = 64
  /// Expert servers at the beginning: GPUs that hold experts.
  public var servers = 16
  /// Experts that a server holds, all layers together; nil for as many as its memory has room for.
  public var capacity: Int?
  /// Seconds of a client's own work before each MoE layer.
  public var gapSeconds = 0.0
  /// Seconds after which a client asks another server; doubled each time within a layer.
  public var timeoutSeconds = 10e-3
  /// Seconds until a lost server is struck off the register.
  public var detectionSeconds = 0.1

  /// 4 clients of 64 requests, 16 servers.
  public init() {}

  /// Refuses what nobody could simulate.
  func check() throws(SimulationError) {
    guard clients > 0, batch > 0 else {
      throw SimulationError("experts are asked by clients of requests; give one of each at least")
    }
    guard servers > 0 else {
      throw SimulationError("no server holds the experts; give one at least")
    }
    guard gapSeconds >= 0, gapSeconds < .infinity, detectionSeconds >= 0,
      detectionSeconds < .infinity
    else {
      throw SimulationError("time between layers and to detection are numbers from 0 on")
    }
    guard timeoutSeconds > 0, timeoutSeconds < .infinity else {
      throw SimulationError("clients ask again after a time-out; give seconds above 0")
    }
  }
}

/// What keeps the clients busy.
public enum ServiceTraffic: Hashable, Sendable {
  /// Every client's batch is always full, for so many seconds; steps begun by then are ended.
  case saturated(seconds: Double)
  /// Requests come at these times, each to the client with room that begins a step next, until all
  /// are served.
  case arriving(Arrivals)

  /// Seconds in which something begins.
  public var seconds: Double {
    switch self {
    case .saturated(let seconds): seconds
    case .arriving(let arrivals): arrivals.seconds.last ?? 0
    }
  }

  /// Refuses what has no beginning or no end.
  func check() throws(SimulationError) {
    switch self {
    case .saturated(let seconds):
      guard seconds > 0, seconds < .infinity else {
        throw SimulationError("clients are busy for a number of seconds above 0")
      }
    case .arriving(let arrivals):
      guard !arrivals.seconds.isEmpty else { throw SimulationError("no request arrives") }
    }
  }
}
