import RoutingTrace

/// Hit rates of expert caches on the stream of one request after another.
///
/// The rule: requests one after the other, token by token, layer by layer, every chosen expert in
/// its slot's order; one cache for all layers, kept from request to request, empty at the start;
/// every miss is brought in. LFU counts reads for ever and, among equals, evicts the one not read
/// longest. Belady evicts the one whose next read is farthest.
public struct CacheStudy: Sendable {
  private let pool: RequestPool
  private let reads: [Int32]

  public init(_ pool: RequestPool) {
    self.pool = pool
    let shape = pool.shape
    var reads: [Int32] = []
    reads.reserveCapacity(pool.ids.count)
    for (index, id) in pool.ids.enumerated() where Int(id) < shape.experts {
      reads.append(Int32(index / shape.topK % shape.layers * shape.experts + Int(id)))
    }
    self.reads = reads
  }

  /// All experts of the model (layers * experts): what a capacity of 1 holds.
  public var experts: Int { pool.shape.layers * pool.shape.experts }

  /// Places in a cache of `share` of all experts, rounded down.
  public func capacity(share: Double) -> Int { Int((share * Double(experts)).rounded(.down)) }

  /// A cache without prefetch.
  ///
  /// - Parameter policy: ``EvictionPolicy/leastExpected`` is not one of them; see
  ///   ``guided(capacity:forecast:prefetches:leastChance:)``.
  public func run(_ policy: EvictionPolicy, capacity: Int) -> CacheReport {
    var cache = ExpertCache(capacity: capacity, keys: experts)
    var report = CacheReport()
    report.reads = reads.count
    guard capacity > 0 else { return report }
    let next = policy == .belady ? nextReads() : []
    var uses = Array(repeating: 0, count: experts)
    // What the policy compares; the lowest leaves.
    var worth = Array(repeating: 0.0, count: experts)
    for (time, read) in reads.enumerated() {
      let key = Int(read)
      uses[key] += 1
      if cache.holds(key) {
        report.hits += 1
      } else if cache.isFull {
        let victim = worth.withUnsafeBufferPointer { worth in cache.lowest { worth[$0] } }
        if let victim { cache.replace(victim.key, by: key) }
      } else {
        cache.add(key)
      }
      worth[key] =
        switch policy {
        case .leastRecent, .leastExpected: Double(time)
        // A stream is shorter than 2^26 reads, so count and time fit one Double exactly.
        case .leastFrequent: Double(uses[key]) * 0x1p26 + Double(time)
        case .belady: -Double(next[time])
        }
    }
    return report
  }

  /// A cache that a forecast fills and empties.
  ///
  /// After a layer, the forecast says with what chance p each expert of every layer will be read
  /// when that layer's turn comes, d layers from now. An expert in the cache is worth p / d: reads
  /// gained a place and time occupied. Misses take the place of the least worthy; up to `prefetches`
  /// of the next layer's experts, likeliest first, take the place of any that are worth less.
  ///
  /// - Parameters:
  ///   - prefetches: Experts brought ahead for each layer, at most.
  ///   - leastChance: Chance below which an expert is not brought, whatever would have to leave.
  public func guided(
    capacity: Int, forecast: inout some ExpertForecast, prefetches: Int, leastChance: Double = 0.02
  ) -> CacheReport {
    var run = GuidedCache(
      pool.shape, capacity: capacity, prefetches: prefetches, leastChance: leastChance)
    let shape = pool.shape
    guard capacity > 0 else { return run.report }
    for request in 0..<pool.requests {
      forecast.begin()
      for token in pool.starts[request]..<pool.starts[request + 1] {
        for layer in 0..<shape.layers {
          let start = (token * shape.layers + layer) * shape.topK
          let chosen = pool.ids[start..<start + shape.topK].filter { Int($0) < shape.experts }
          run.read(chosen, layer: layer)
          forecast.observe(layer: layer, chosen: chosen)
          run.forecast(&forecast, after: layer)
        }
      }
    }
    return run.report
  }

  /// When each read's key is read next; beyond the end if never.
  private func nextReads() -> [Int] {
    var next = Array(repeating: 0, count: reads.count)
    var last = Array(repeating: Int.max >> 1, count: experts)
    for time in reads.indices.reversed() {
      next[time] = last[Int(reads[time])]
      last[Int(reads[time])] = time
    }
    return next
  }
}

/// The state of ``CacheStudy/guided(capacity:forecast:prefetches:leastChance:)``.
private struct GuidedCache {
  private let shape: TraceShape
  private let prefetches: Int
  private let leastChance: Double
  private var cache: ExpertCache
  var report = CacheReport()
  /// The chance that each key is read at its layer's next turn.
  private var chance: [Double]
  private var isUnread: [Bool]

  init(_ shape: TraceShape, capacity: Int, prefetches: Int, leastChance: Double) {
    self.leastChance = leastChance
    self.shape = shape
    self.prefetches = prefetches
    let keys = shape.layers * shape.experts
    cache = ExpertCache(capacity: capacity, keys: keys)
    chance = Array(repeating: 0, count: keys)
    isUnread = Array(repeating: false, count: keys)
  }

  mutating func read(_ chosen: [UInt16], layer: Int) {
    for id in chosen {
      let key = layer * shape.experts + Int(id)
      report.reads += 1
      if cache.holds(key) {
        report.hits += 1
        if isUnread[key] { report.prefetchesUsed += 1 }
        isUnread[key] = false
      } else {
        bring(key, over: lowest(now: layer)?.key)
      }
    }
  }

  mutating func forecast(_ forecast: inout some ExpertForecast, after layer: Int) {
    let experts = shape.experts
    chance.withUnsafeMutableBufferPointer { chance in
      forecast.nextToken(
        layer: layer, into: .init(rebasing: chance[layer * experts..<(layer + 1) * experts]))
      if layer + 1 < shape.layers {
        let next = (layer + 1) * experts
        forecast.nextLayer(
          after: layer, into: .init(rebasing: chance[next..<next + experts]))
      }
    }
    let next = (layer + 1) % shape.layers
    let base = next * experts
    let best = (base..<base + experts).filter { chance[$0] >= leastChance && !cache.holds($0) }
      .sorted { (chance[$1], $0) < (chance[$0], $1) }.prefix(prefetches)
    for key in best {
      if cache.isFull {
        guard let victim = lowest(now: layer), victim.worth < chance[key] else { break }
        bring(key, over: victim.key)
      } else {
        bring(key, over: nil)
      }
      report.prefetches += 1
      isUnread[key] = true
    }
  }

  private mutating func bring(_ key: Int, over victim: Int?) {
    if cache.isFull, let victim {
      isUnread[victim] = false
      cache.replace(victim, by: key)
    } else if !cache.isFull {
      cache.add(key)
    }
  }

  /// The least worthy key while `now` is the layer whose turn it is.
  private func lowest(now layer: Int) -> (key: Int, worth: Double)? {
    guard cache.isFull else { return nil }
    let (layers, experts) = (shape.layers, shape.experts)
    // 1 / distance of every layer, from 1 for the next one to 1 / layers for this one.
    let nearness = (0..<layers).map { 1 / Double(($0 - layer - 1 + layers) % layers + 1) }
    return chance.withUnsafeBufferPointer { chance in
      nearness.withUnsafeBufferPointer { nearness in
        cache.lowest { chance[$0] * nearness[$0 / experts] }
      }
    }
  }
}
