import Demand
import Placement
import RoutingTrace
import Wafer

/// What stays the same throughout a run: sizes, and how long things take.
struct ServiceSetup: Sendable {
  let pool: RequestPool
  let options: ServiceOptions
  /// MoE layers (L) and experts of each (E).
  let layers: Int
  let experts: Int
  /// Experts that a server holds, all layers together.
  let capacity: Int
  /// Servers that hold every expert once, one after another; those behind them hold replicas.
  let core: Int
  let fabric: Fabric
  let expert: ExpertCost
  /// Bytes of a token's activations.
  let tokenBytes: Double
  /// Seconds to load one expert over a server's link to its host.
  let loadSeconds: Double

  init(
    _ pool: RequestPool, hardware: Hardware, model: ModelShape, format: WeightFormat,
    options: ServiceOptions
  ) throws(SimulationError) {
    try options.check()
    guard pool.requests > 0 else { throw SimulationError("the traces hold no tokens to serve") }
    guard pool.shape.experts == model.experts, pool.shape.layers == model.moeLayers.count else {
      throw SimulationError(
        "the traces have \(pool.shape.layers) layers of \(pool.shape.experts) experts, and"
          + " \(model.name) has \(model.moeLayers.count) of \(model.experts); give traces of the"
          + " whole model")
    }
    var die = hardware
    (die.topology, die.columns, die.rows) = (.switch, 1, 1)
    (die.expertHome, die.tiers) = (.hbm, [])
    self.pool = pool
    self.options = options
    (layers, experts) = (pool.shape.layers, pool.shape.experts)
    fabric = Fabric(die)
    expert = ExpertCost(shape: model, format: format)
    tokenBytes = 2 * Double(model.hidden)
    loadSeconds =
      hardware.hostLatency + hardware.hostLinkLatency
      + expert.weightBytes / min(hardware.hostLinkBandwidth, hardware.hbmBandwidth)
    capacity = try Self.capacity(
      options, hardware, expert, keys: pool.shape.layers * pool.shape.experts)
    core = try Self.core(options, capacity, layers: layers, experts: experts)
  }

  /// Experts of all layers.
  var keys: Int { layers * experts }

  private static func capacity(
    _ options: ServiceOptions, _ hardware: Hardware, _ expert: ExpertCost, keys: Int
  ) throws(SimulationError) -> Int {
    let fitting = max(0, hardware.usableHBM / expert.weightBytes)
    guard let given = options.capacity else {
      let most = Int(min(Double(keys), fitting.rounded(.down)))
      guard most > 0 else {
        throw SimulationError(
          "a server of \(hardware.name) has no memory for an expert; take smaller weights or a"
            + " larger system")
      }
      return most
    }
    guard given > 0, given <= keys else {
      throw SimulationError("a server holds from 1 to \(keys) experts, all layers together")
    }
    guard Double(given) <= fitting else {
      throw SimulationError(
        "\(given) experts of \(Int(expert.weightBytes)) bytes are more than the memory of a server of"
          + " \(hardware.name) has room for; give at most \(Int(fitting))")
    }
    return given
  }

  /// The fewest servers that hold every expert, as many of every layer on each.
  private static func core(
    _ options: ServiceOptions, _ capacity: Int, layers: Int, experts: Int
  ) throws(SimulationError) -> Int {
    let ofLayer = capacity / layers
    guard ofLayer > 0 else {
      throw SimulationError(
        "a server for \(capacity) experts has no room for one of each of \(layers) layers; give room"
          + " for \(layers) at least")
    }
    let core = (experts + ofLayer - 1) / ofLayer
    guard core <= options.servers else {
      throw SimulationError(
        "\(options.servers) servers of \(capacity) experts have no room for all \(layers * experts),"
          + " as many of each layer on every one; give \(core) servers")
    }
    return core
  }

  /// Seconds in which a server computes a batch for a layer, by expert its tokens: the bound engine's
  /// formula on one die.
  func serviceSeconds(_ tokens: [Int]) -> Double {
    var busy = BusyTimes(expert: expert, on: fabric)
    for (expert, tokens) in tokens.enumerated() where tokens > 0 {
      busy.compute(ExpertTask(expert: expert, die: 0, requests: tokens, source: 0))
      busy.read(self.expert.weightBytes, from: 0, to: 0)
    }
    return busy.seconds
  }

  /// When bytes that are ready at a time have come through a switch: they wait for the sender's link
  /// out, and then for the receiver's link in, each in the order of sending.
  func arrival(_ bytes: Double, at time: Double, out: inout Double, into: inout Double) -> Double {
    let link = fabric.hardware
    let seconds = bytes / link.linkBandwidthOneDirection
    let begins = max(time, out)
    out = begins + seconds
    into = max(begins + 2 * link.linkLatency, into) + seconds
    return into
  }
}
