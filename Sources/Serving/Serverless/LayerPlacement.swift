import Demand
import Wafer

/// Where a layer's experts are computed, by what lies on which GPU: for loads that are expected it
/// brings what is missing, for counts that have come it deals them out.
///
/// Both go through the experts from the one that takes longest, each to the GPU that would be through
/// with it first (longest processing time first).
struct LayerPlacement {
  private let roofline: ExpertRoofline
  private let options: ServerlessOptions
  private let gpus: Int

  init(_ expert: ExpertCost, _ options: ServerlessOptions, on fabric: Fabric) {
    roofline = ExpertRoofline(expert, on: fabric.hardware)
    self.options = options
    gpus = fabric.dies
  }

  /// An expert and what is expected, or known, of it.
  private struct Item {
    let expert: Int
    let replicas: Int
    /// Seconds of one replica.
    let seconds: Double
  }

  /// The experts with more than nothing to do, those first whose replicas take longest.
  private func items(_ loads: [Double], from least: Double) -> [Item] {
    let experts = loads.indices.filter { loads[$0] > 0 && loads[$0] >= least }
    let all = experts.reduce(0) { $0 + roofline.seconds(loads[$1]) }
    let longest = options.straggler * all / Double(gpus)
    return experts.map { expert in
      let count = roofline.replicas(loads[expert], longest: longest, most: gpus)
      return Item(
        expert: expert, replicas: count, seconds: roofline.seconds(loads[expert] / Double(count)))
    }.sorted { ($1.seconds, $0.expert) < ($0.seconds, $1.expert) }
  }

  /// Brings what a layer is expected to need, and keeps what it needs of what there is.
  ///
  /// - Parameters:
  ///   - loads: Expected requests of every expert.
  ///   - start: When the layer will run.
  /// - Complexity: O(E * G * replicas).
  func prepare(
    _ loads: [Double], layer: Int, at now: Double, start: Double,
    in instances: inout ExpertInstances
  ) {
    instances.unloadExpired(at: now)
    var busy = Array(repeating: 0.0, count: gpus)
    for item in items(loads, from: options.leastLoad) {
      let key = ExpertKey(layer: layer, expert: item.expert)
      let sources = instances.sources(of: key, at: now)
      var isTaken = Array(repeating: false, count: gpus)
      for _ in 0..<item.replicas {
        var best: (end: Double, gpu: Int, isHeld: Bool)?
        for gpu in 0..<gpus where !isTaken[gpu] {
          // However soon it were there.
          if let best, busy[gpu] + item.seconds >= best.end { continue }
          let own = instances[key].first { $0.gpu == gpu }
          guard own != nil || instances.hasRoom(gpu) else { continue }
          let ready = own?.ready ?? instances.arrival(from: sources, to: gpu, at: now)
          let move =
            own == nil
            ? options.locality * instances.loadSeconds(from: sources, to: gpu) : 0
          let end = max(busy[gpu], ready - start) + item.seconds + move
          if best.map({ end < $0.end }) ?? true { best = (end, gpu, own != nil) }
        }
        guard let best else { break }
        isTaken[best.gpu] = true
        if !best.isHeld {
          instances.bring(key, to: best.gpu, at: now, keep: options.keepAlive)
        }
        busy[best.gpu] += item.seconds
      }
      instances.await(key, on: isTaken)
    }
  }

  /// What a layer did.
  struct Work {
    /// All requests of the layer, each once.
    var tasks: [ExpertTask] = []
    /// Seconds until the last expert that came late is through.
    var lateSeconds = 0.0
    /// Experts that nobody had brought.
    var coldStarts = 0
    /// Experts that were still on their way.
    var lateArrivals = 0
  }

  /// Deals a layer's requests to the GPUs that have their experts; brings those that lie nowhere.
  ///
  /// - Parameter counts: Requests of every expert.
  /// - Complexity: O(E * G).
  func serve(
    _ counts: [Int], layer: Int, at now: Double, in instances: inout ExpertInstances
  ) -> Work {
    instances.beginTurn()
    instances.unloadExpired(at: now)
    var work = Work()
    var busy = Array(repeating: 0.0, count: gpus)
    let items = items(counts.map(Double.init), from: 0)
    // An instance of each is sure to stay before room is made for others.
    for item in items {
      let key = ExpertKey(layer: layer, expert: item.expert)
      if let first = instances[key].min(by: { $0.ready < $1.ready }) {
        instances.pin(key, on: first.gpu)
      }
    }
    func give(_ item: Item, _ requests: Int, to gpu: Int, ready: Double) {
      let seconds = roofline.seconds(Double(requests))
      busy[gpu] += seconds
      if ready > now { work.lateSeconds = max(work.lateSeconds, ready - now + seconds) }
      work.tasks.append(
        ExpertTask(expert: item.expert, die: gpu, requests: requests, source: gpu))
    }
    for item in items {
      let key = ExpertKey(layer: layer, expert: item.expert)
      guard instances[key].isEmpty else { continue }
      let sources = instances.sources(of: key, at: now)
      // Of GPUs that would have it as soon, the one with the fewest of the layer's experts.
      let layerCounts = instances.counts(ofLayer: layer)
      var best: (end: Double, count: Int, gpu: Int)?
      for gpu in 0..<gpus where instances.couldTake(gpu) {
        let end = max(busy[gpu], instances.arrival(from: sources, to: gpu, at: now) - now)
        let count = layerCounts[gpu]
        if best.map({ (end, count) < ($0.end, $0.count) }) ?? true { best = (end, count, gpu) }
      }
      // Each layer's experts fit into all GPUs together, so there is one.
      guard let gpu = best?.gpu else { continue }
      let ready = instances.demand(key, to: gpu, at: now, keep: options.keepAlive)
      work.coldStarts += 1
      give(item, counts[item.expert], to: gpu, ready: ready)
    }
    let cold = Set(work.tasks.map(\.expert))
    for item in items where !cold.contains(Int32(item.expert)) {
      let all = instances[ExpertKey(layer: layer, expert: item.expert)]
      let there = all.filter { $0.ready <= now }
      guard let first = all.min(by: { $0.ready < $1.ready }) else { continue }
      if there.isEmpty { work.lateArrivals += 1 }
      let holders =
        there.isEmpty
        ? [first]
        : Array(
          there.sorted { (busy[$0.gpu], $0.gpu) < (busy[$1.gpu], $1.gpu) }.prefix(item.replicas))
      let (share, rest) = counts[item.expert].quotientAndRemainder(dividingBy: holders.count)
      for (index, holder) in holders.enumerated() {
        let requests = share + (index < rest ? 1 : 0)
        if requests > 0 { give(item, requests, to: holder.gpu, ready: holder.ready) }
      }
    }
    return work
  }
}
