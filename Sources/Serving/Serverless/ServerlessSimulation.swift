import Demand
import Placement
import RoutingTrace
import Wafer

/// Requests that arrive, and experts that lie in GPUs' memories as long as somebody wants them.
///
/// Experts are there for good in a memory behind the GPUs, the host's where the system names none.
/// What of them lies on which GPU is a ``Policy``'s to say; memory is paid for by the second.
///
/// ```swift
/// let simulation = try ServerlessSimulation(hardware: hardware, model: model, slots: 64)
/// let result = try simulation.run(
///   .serverless(ServerlessOptions(), .mixture), pool,
///   arrivals: .poisson(rate: 5, count: 100, seed: 1), seed: 1, ForecastSources(mixture: tables))
/// print(result.gigabyteSeconds, result.served.timePerToken.percentile(99) ?? 0)
/// ```
public struct ServerlessSimulation: Sendable {
  /// What decides where experts lie.
  public enum Policy: Sendable {
    /// Every expert once, neighbours in number sharing a GPU.
    case fixed
    /// DeepSeek's balancer, every so many steps, with so many slots of a layer beyond one for each
    /// expert.
    case balanced(every: Int, redundant: Int)
    /// As loads are forecast.
    case serverless(ServerlessOptions, ForecastChoice)
  }

  /// The system, with a memory behind its GPUs.
  public let fabric: Fabric
  /// The model whose MoE layers run.
  public let model: ModelShape
  /// What one of its experts costs.
  public let expert: ExpertCost
  /// Requests under way at once, at most.
  public var slots: Int
  /// Tokens of a step, at most, but for one of every request that decodes.
  public var stepTokens = 512
  /// Seconds of the windows in which arrivals are gathered; 0 for none.
  public var window = 1.0
  /// Seconds between MoE layers.
  public var gapSeconds = 0.0

  /// - Parameters:
  ///   - format: How experts' weights are stored.
  ///   - slots: Requests under way at once, at least 1.
  /// - Throws: ``Demand/SimulationError`` where the system is none.
  public init(
    hardware: Hardware, model: ModelShape, format: WeightFormat = .bf16, slots: Int
  ) throws(SimulationError) {
    var hardware = hardware
    if hardware.memoryTiers.isEmpty { hardware.expertHome = .host }
    if let problem = hardware.problem { throw SimulationError(problem) }
    fabric = Fabric(hardware)
    self.model = model
    expert = ExpertCost(shape: model, format: format)
    self.slots = slots
  }

  /// Serves all requests that arrive.
  ///
  /// - Parameters:
  ///   - pool: The requests' tokens.
  ///   - seed: Of the endless, shuffled queue from which each arrival takes its request.
  ///   - sources: What the policy's forecast is made from, if anything.
  /// - Throws: ``Demand/SimulationError`` where pool, model, memory and options do not fit each other.
  /// - Complexity: of a step O(layers * (tokens * K + E * G)), with chances O(layers * tokens * E).
  public func run(
    _ policy: Policy, _ pool: RequestPool, arrivals: Arrivals, seed: UInt64,
    _ sources: ForecastSources = ForecastSources()
  ) throws(SimulationError) -> ServerlessResult {
    try check(pool)
    let begin = arrivals.seconds.first ?? 0
    var serving = try serving(policy, pool, sources, from: begin)
    let (layers, experts) = (pool.shape.layers, pool.shape.experts)
    let batching = ContinuousBatching(slots: slots, stepTokens: stepTokens, window: window)
    let served = try batching.run(pool, arrivals: arrivals, seed: seed) {
      tokens, step, now throws(SimulationError) in
      var passed = serving.begin(tokens, step: step, at: now)
      for layer in 0..<layers {
        let chosen = pool.chosen(by: tokens, layer: layer)
        var counts = Array(repeating: 0, count: experts)
        for id in chosen where Int(id) < experts { counts[Int(id)] += 1 }
        passed +=
          serving.serve(
            step: step, layer: layer, counts: counts, chosen: chosen, at: now + passed)
          + gapSeconds
      }
      // Layers that the trace has stand for all of the model's.
      return passed * Double(model.moeLayers.count) / Double(layers)
    }
    serving.close(at: begin + served.seconds)
    var result = serving.result
    result.served = served
    return result
  }

  private func check(_ pool: RequestPool) throws(SimulationError) {
    guard pool.shape.experts == model.experts, pool.shape.topK == model.topK else {
      throw SimulationError(
        "the traces route top-\(pool.shape.topK) of \(pool.shape.experts) experts, but"
          + " \(model.name) routes top-\(model.topK) of \(model.experts); name its shape")
    }
    guard window >= 0, window < .infinity, gapSeconds >= 0, gapSeconds < .infinity else {
      throw SimulationError(
        "windows and the time between layers are numbers of seconds from 0 on")
    }
  }

  /// Experts of the traces' layers that a GPU has room for; traces may have fewer layers than the
  /// model, each then stands for several.
  private func rooms(_ pool: RequestPool) -> Int {
    let share = Double(pool.shape.layers) / Double(model.moeLayers.count)
    let experts = max(0, fabric.hardware.usableHBM) * share / expert.weightBytes
    // Beyond all of them on every GPU, room is of no use.
    return Int(min(experts.rounded(.down), Double(pool.shape.layers * model.experts)))
  }

  /// Throws where a GPU cannot hold so many experts.
  private func checkRoom(
    _ needed: Int, _ pool: RequestPool, for purpose: String
  ) throws(SimulationError) {
    let rooms = rooms(pool)
    guard rooms < needed else { return }
    throw SimulationError(
      "\(purpose) needs room for \(needed) experts on a GPU, and one of \(fabric.hardware.name) has"
        + " it for \(rooms); take more GPUs, or smaller weights")
  }

  /// The nearest memory behind the GPUs that holds all experts.
  private func store() throws(SimulationError) -> Int {
    let bytes = Double(model.experts * model.moeLayers.count) * expert.weightBytes
    guard let tier = fabric.tiers.firstIndex(where: { $0.capacity >= bytes }) else {
      throw SimulationError(
        "no memory behind the GPUs of \(fabric.hardware.name) holds all experts of \(model.name),"
          + " \(Int((bytes / 1e9).rounded(.up))) GB; take smaller weights, or a larger memory"
          + " (host_capacity_bytes)")
    }
    return fabric.dies + tier
  }

  private func serving(
    _ policy: Policy, _ pool: RequestPool, _ sources: ForecastSources, from begin: Double
  ) throws(SimulationError) -> any ExpertServing {
    let (layers, experts, gpus) = (pool.shape.layers, model.experts, fabric.dies)
    let store = try store()
    switch policy {
    case .fixed:
      try checkRoom((experts + gpus - 1) / gpus * layers, pool, for: "every expert once")
      let holders = Holders(homes: (0..<experts).map { $0 * gpus / experts })
      return PlacedRun(
        self, holders: Array(repeating: holders, count: layers), store: store, balancer: nil,
        from: begin)
    case .balanced(let every, let redundant):
      guard every > 0 else {
        throw SimulationError("experts are placed anew every so many steps, at least 1")
      }
      let map: SlotMap
      do throws(PlacementError) {
        let layout = try DeviceLayout(experts: experts, gpus: gpus, redundant: redundant)
        let nothing = Array(repeating: Array(repeating: 0.0, count: experts), count: layers)
        map = try Contiguous().place(try PlacementEvidence(loads: nothing), on: layout)
      } catch {
        throw SimulationError("\(error)")
      }
      try checkRoom(
        map.layout.slotsPerGPU * layers, pool, for: "every expert and \(redundant) redundant slots")
      return PlacedRun(
        self, holders: (0..<layers).map { map.holders(layer: $0) }, store: store,
        balancer: (map.layout, every), from: begin)
    case .serverless(let options, let choice):
      if let problem = options.problem { throw SimulationError(problem) }
      try checkRoom((experts + gpus - 1) / gpus, pool, for: "one layer's experts")
      let loads = BatchLoads(
        pool, try source(choice, pool, sources), distance: options.distance)
      return ServerlessRun(
        self, options, loads, layers: layers, rooms: rooms(pool), store: store)
    }
  }

  private func source(
    _ choice: ForecastChoice, _ pool: RequestPool, _ sources: ForecastSources
  ) throws(SimulationError) -> BatchLoads.Source {
    switch choice {
    case .none: return .batches(NoForecast(experts: pool.shape.experts))
    case .persistence, .frequency:
      return .batches(try sources.forecast(choice, BatchSchedule(pool, size: 1, steps: 1)))
    case .oracle: return .oracle
    case .mixture:
      guard pool.prompts.allSatisfy({ $0 == 0 }) else {
        throw SimulationError(
          "the mixture follows requests token by token, and prompts are taken in pieces; take decoded"
            + " tokens, or frequency")
      }
      if let trained = sources.trained {
        return .chances(laterLayers: trained.laterLayers, nextToken: trained.nextToken)
      }
      guard let mixture = sources.mixture else {
        throw SimulationError("the mixture's tables were not made")
      }
      return .chances(laterLayers: mixture.laterLayers, nextToken: mixture.nextToken)
    case .heatmap, .blend, .shuffled:
      throw SimulationError(
        "\(choice.rawValue) goes by a schedule, and arrivals have none; take none, persistence,"
          + " frequency, mixture or oracle")
    }
  }
}
