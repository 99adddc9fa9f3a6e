import Demand
import Placement
import RoutingTrace
import Wafer

/// Experts as services: attention clients send the tokens of every layer to servers that hold the
/// experts, batches are built at the servers, and servers are lost and come (arXiv 2509.17863).
///
/// A simulation of discrete events; the article <doc:ExpertServers> says what it has and what not.
///
/// ```swift
/// var simulation = ExpertServerSimulation(hardware: hardware, model: model)
/// simulation.options.servers = 24
/// let losses = try ServerLosses.drawn(10, of: 24, in: 2, seed: 1)
/// let result = try simulation.run(pool, .saturated(seconds: 2), losses: losses, seed: 1)
/// print(result.tokensPerSecond, result.messages.timedOut)
/// ```
public struct ExpertServerSimulation: Sendable {
  /// Of this system's dies, each a client or a server, behind one switch; links as its dies have
  /// them, and its host's link for what servers load.
  public var hardware: Hardware
  /// The model whose experts are served.
  public var model: ModelShape
  /// How its weights are stored.
  public var format: WeightFormat
  /// Clients, servers, time-outs.
  public var options = ServiceOptions()
  /// Where experts lie on the servers that hold each once.
  public var placement: any PlacementAlgorithm = Contiguous()

  /// The services of a model on a system.
  public init(hardware: Hardware, model: ModelShape, format: WeightFormat = .bf16) {
    (self.hardware, self.model, self.format) = (hardware, model, format)
  }

  /// Runs the clients until the traffic is over, and everything under way is at its end.
  ///
  /// - Parameters:
  ///   - losses: Servers lost; none.
  ///   - provisioning: Whether servers follow the traffic; nil for those of the options throughout.
  ///   - seed: Of the endless, shuffled queue of the pool's requests, and of where they stand at the
  ///     beginning of saturated traffic.
  /// - Throws: ``Demand/SimulationError`` where options do not fit each other.
  /// - Complexity: O(messages * log) of the run: clients * layers * servers a step.
  public func run(
    _ pool: RequestPool, _ traffic: ServiceTraffic, losses: ServerLosses = .none,
    provisioning: Provisioning? = nil, seed: UInt64
  ) throws(SimulationError) -> ServiceResult {
    var run = try start(pool, traffic, losses: losses, provisioning: provisioning, seed: seed)
    return try run.run()
  }

  /// A run that stands at its beginning.
  func start(
    _ pool: RequestPool, _ traffic: ServiceTraffic, losses: ServerLosses = .none,
    provisioning: Provisioning? = nil, seed: UInt64
  ) throws(SimulationError) -> ServiceRun {
    let setup = try checked(pool, traffic, losses, provisioning)
    var run = try ServiceRun(setup, traffic, losses, provisioning, seed: seed)
    try run.place(by: placement)
    return run
  }

  /// Refuses a run that could not come to its end, before anything is simulated.
  ///
  /// - Throws: ``Demand/SimulationError`` as ``run(_:_:losses:provisioning:seed:)``.
  public func check(
    _ pool: RequestPool, _ traffic: ServiceTraffic, losses: ServerLosses = .none,
    provisioning: Provisioning? = nil
  ) throws(SimulationError) {
    _ = try checked(pool, traffic, losses, provisioning)
  }

  private func checked(
    _ pool: RequestPool, _ traffic: ServiceTraffic, _ losses: ServerLosses,
    _ provisioning: Provisioning?
  ) throws(SimulationError) -> ServiceSetup {
    let setup = try ServiceSetup(
      pool, hardware: hardware, model: model, format: format, options: options)
    try traffic.check()
    if let late = losses.losses.last(where: { $0.seconds > traffic.seconds }) {
      throw SimulationError(
        "server \(late.server) is lost after \(late.seconds) s, when the traffic of"
          + " \(traffic.seconds) s is over; lose it earlier")
    }
    guard losses.losses.allSatisfy({ $0.server < options.servers }) else {
      throw SimulationError("more servers are lost than there are")
    }
    try losses.check(servers: options.servers, capacity: setup.capacity, experts: setup.keys)
    try provisioning?.check(traffic)
    return setup
  }
}
