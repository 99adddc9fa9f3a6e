import Demand

/// How many servers there are and what they hold a second time, window after window of the traffic.
///
/// At the beginning of a window as many servers are wanted as
/// `requests a second * tokens a request * busy seconds a token / utilisation`, rounded up, but at
/// least those that hold every expert once and at most those of the options. Busy seconds a token are
/// the last window's. Servers that come load the experts with the most expected tokens a replica;
/// servers that stay exchange a few where that pays (``exchangeFactor``).
public struct Provisioning: Hashable, Sendable {
  /// By what requests and experts of a window are expected.
  public enum Policy: String, CaseIterable, Sendable {
    /// Nothing is expected: all servers always, replicas of all experts alike.
    case none
    /// As in the last window.
    case reactive
    /// Requests by their level and trend so far; experts by the mean of all windows.
    case forecast
    /// The requests that will arrive, and what they will choose: a bound.
    case oracle
  }

  /// By what is expected.
  public var policy: Policy
  /// Seconds of a window.
  public var windowSeconds: Double
  /// Share of their time that servers shall be busy.
  public var utilisation = 0.6
  /// Windows that are looked at, the coming one among them; the largest counts.
  public var horizon = 1

  /// Provisioning by a policy in windows of so many seconds.
  public init(_ policy: Policy, windowSeconds: Double) {
    (self.policy, self.windowSeconds) = (policy, windowSeconds)
  }

  /// Times the tokens a replica that an expert must have to take the place of another.
  public static let exchangeFactor = 1.5

  /// Windows that a run may have.
  private static let mostWindows = 100_000.0

  func check(_ traffic: ServiceTraffic) throws(SimulationError) {
    guard case .arriving = traffic else {
      throw SimulationError("servers follow requests that arrive; let some arrive")
    }
    guard windowSeconds > 0, traffic.seconds / windowSeconds < Self.mostWindows else {
      throw SimulationError(
        "windows are longer than 0 seconds, and fewer than \(Int(Self.mostWindows)) in a run")
    }
    guard utilisation > 0, utilisation <= 1 else {
      throw SimulationError("servers shall be busy for a share above 0, and at most 1")
    }
    guard (1...64).contains(horizon) else {
      throw SimulationError("from 1 to 64 windows are looked at")
    }
  }
}

/// Requests of windows to come by the level and the trend of those so far (Holt's linear smoothing).
struct TrendForecast {
  /// Weight of the last window in the level, and of the last change in the trend.
  static let levelWeight = 0.6
  static let trendWeight = 0.3

  private var level: Double?
  private var trend = 0.0

  mutating func observe(_ count: Double) {
    guard let before = level else {
      level = count
      return
    }
    let now = Self.levelWeight * count + (1 - Self.levelWeight) * (before + trend)
    trend += Self.trendWeight * (now - before - trend)
    level = now
  }

  /// What is expected so many windows after the last one; nil before the first.
  func expected(ahead: Int) -> Double? { level.map { max(0, $0 + Double(ahead) * trend) } }
}

/// What the provisioner knows: requests and chosen experts of the windows so far, or of those to come.
struct WindowKnowledge {
  private let provisioning: Provisioning
  private let layers: Int
  private let experts: Int
  private var trend = TrendForecast()
  private var last: Int?
  private var loads: any DemandForecast
  private var window = 0
  /// Of the window under way: requests, and by layer the experts chosen.
  private var arrived = 0
  private var chosen: [[UInt16]]
  /// The oracle's: by window, requests and the tokens of every expert.
  private let coming: [(requests: Int, loads: [Double])]

  init(
    _ provisioning: Provisioning, _ setup: ServiceSetup, arrivals: [Double], requests: [Int]
  ) throws(SimulationError) {
    self.provisioning = provisioning
    (layers, experts) = (setup.layers, setup.experts)
    chosen = Array(repeating: [], count: layers)
    let schedule = BatchSchedule(setup.pool, size: 1, steps: 1)
    switch provisioning.policy {
    case .none: loads = NoForecast(experts: experts)
    case .reactive, .oracle:
      loads = try ForecastSources().forecast(.persistence, schedule)
    case .forecast: loads = try ForecastSources().forecast(.frequency, schedule)
    }
    coming =
      provisioning.policy == .oracle
      ? Self.coming(setup, provisioning.windowSeconds, arrivals, requests) : []
  }

  /// What arrives in every window, and what it chooses by its end.
  private static func coming(
    _ setup: ServiceSetup, _ windowSeconds: Double, _ arrivals: [Double], _ requests: [Int]
  ) -> [(requests: Int, loads: [Double])] {
    let count = Int((arrivals.last ?? 0) / windowSeconds) + 1
    var coming = Array(
      repeating: (requests: 0, loads: Array(repeating: 0.0, count: setup.keys)), count: count)
    for (time, request) in zip(arrivals, requests) {
      let window = Int(time / windowSeconds)
      coming[window].requests += 1
      let tokens = Array(setup.pool.starts[request]..<setup.pool.starts[request + 1])
      for layer in 0..<setup.layers {
        for id in setup.pool.chosen(by: tokens, layer: layer) where Int(id) < setup.experts {
          coming[window].loads[layer * setup.experts + Int(id)] += 1
        }
      }
    }
    return coming
  }

  mutating func noteArrival() { arrived += 1 }

  mutating func note(_ chosen: [UInt16], layer: Int) { self.chosen[layer] += chosen }

  /// Ends the window under way; its requests.
  mutating func endWindow() -> Int {
    defer { arrived = 0 }
    for layer in 0..<layers {
      loads.observe(step: window, layer: layer, chosen: chosen[layer])
      chosen[layer].removeAll(keepingCapacity: true)
    }
    trend.observe(Double(arrived))
    last = arrived
    window += 1
    return arrived
  }

  /// Requests that are expected in the window that begins now, or in a later one looked at, whichever
  /// has more; nil where nothing is known.
  var expectedRequests: Double? {
    switch provisioning.policy {
    case .none: nil
    case .reactive: last.map(Double.init)
    case .forecast: (1...provisioning.horizon).compactMap { trend.expected(ahead: $0) }.max()
    case .oracle:
      coming.indices.contains(window)
        ? coming[window...].prefix(provisioning.horizon).map { Double($0.requests) }.max() : 0
    }
  }

  /// Tokens of every expert that are expected, by key; nil where all are expected alike.
  var expectedLoads: [Double]? {
    switch provisioning.policy {
    case .none: nil
    case .oracle where coming.indices.contains(window): coming[window].loads
    default: window == 0 ? nil : (0..<layers).flatMap { loads.nextStep(layer: $0) }
    }
  }
}
