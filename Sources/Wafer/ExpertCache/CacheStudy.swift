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
  ///   ``guided(_:nextToken:nextLayer:)``.
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
  public struct Guided: Hashable, Sendable {
    public var capacity: Int
    /// Experts brought ahead for each layer, at most.
    public var prefetches: Int
    /// Chance below which an expert is not brought, whatever would have to leave.
    public var leastChance = 0.02

    public init(capacity: Int, prefetches: Int) {
      self.capacity = capacity
      self.prefetches = prefetches
    }
  }

  /// Caches that forecasts fill and empty, side by side.
  ///
  /// After a layer, the forecasts say with what chance p each expert of every layer will be read
  /// when that layer's turn comes, d layers from now. An expert in the cache is worth p / d: reads
  /// gained a place and time occupied. Misses take the place of the least worthy; up to `prefetches`
  /// of the next layer's experts, likeliest first, take the place of any that are worth less.
  ///
  /// - Parameters:
  ///   - nextToken: The chances of a layer's next turn once it has had this one, made with
  ///     ``ChanceTable/nextToken``.
  ///   - nextLayer: The chances of the next layer, made with ``ChanceTable/nextLayer``.
  public func guided(
    _ caches: [Guided], nextToken: ChanceTable, nextLayer: ChanceTable
  ) -> [CacheReport] {
    let shape = pool.shape
    var runs = caches.map { GuidedCache(shape, $0) }
    var chances = Array(repeating: 0.0, count: experts)
    func take(_ row: ArraySlice<Float16>, _ layer: Int) {
      let base = layer * shape.experts
      for (expert, chance) in row.enumerated() { chances[base + expert] = Double(chance) }
    }
    for request in 0..<pool.requests {
      let end = pool.starts[request + 1]
      for token in pool.starts[request]..<end {
        for layer in 0..<shape.layers {
          let start = (token * shape.layers + layer) * shape.topK
          let chosen = pool.ids[start..<start + shape.topK].filter { Int($0) < shape.experts }
          for run in runs.indices { runs[run].read(chosen, layer: layer, chances) }
          // A request's last token says nothing of the next request's first; what was known stays.
          if token + 1 < end { take(nextToken.row(token: token + 1, layer: layer), layer) }
          if layer + 1 < shape.layers {
            take(nextLayer.row(token: token, layer: layer + 1), layer + 1)
          }
          for run in runs.indices { runs[run].prefetch(after: layer, chances) }
        }
      }
    }
    return runs.map(\.report)
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

/// The state of one ``CacheStudy/Guided``.
private struct GuidedCache {
  private let shape: TraceShape
  private let options: CacheStudy.Guided
  private var cache: ExpertCache
  var report = CacheReport()
  private var isUnread: [Bool]

  init(_ shape: TraceShape, _ options: CacheStudy.Guided) {
    self.shape = shape
    self.options = options
    let keys = shape.layers * shape.experts
    cache = ExpertCache(capacity: options.capacity, keys: keys)
    isUnread = Array(repeating: false, count: keys)
  }

  /// - Parameter chances: The chance that each key is read at its layer's next turn.
  mutating func read(_ chosen: [UInt16], layer: Int, _ chances: [Double]) {
    for id in chosen {
      let key = layer * shape.experts + Int(id)
      report.reads += 1
      if cache.holds(key) {
        report.hits += 1
        if isUnread[key] { report.prefetchesUsed += 1 }
        isUnread[key] = false
      } else {
        bring(key, over: lowest(now: layer, chances)?.key)
      }
    }
  }

  mutating func prefetch(after layer: Int, _ chances: [Double]) {
    guard options.prefetches > 0, cache.capacity > 0 else { return }
    let base = (layer + 1) % shape.layers * shape.experts
    let best = (base..<base + shape.experts)
      .filter { chances[$0] >= options.leastChance && !cache.holds($0) }
      .sorted { (chances[$1], $0) < (chances[$0], $1) }.prefix(options.prefetches)
    for key in best {
      let victim = lowest(now: layer, chances)
      if let victim, victim.worth >= chances[key] { break }
      bring(key, over: victim?.key)
      report.prefetches += 1
      isUnread[key] = true
    }
  }

  private mutating func bring(_ key: Int, over victim: Int?) {
    if let victim {
      isUnread[victim] = false
      cache.replace(victim, by: key)
    } else if !cache.isFull {
      cache.add(key)
    }
  }

  /// The least worthy key while `layer` has its turn; nil while there is room.
  private func lowest(now layer: Int, _ chances: [Double]) -> (key: Int, worth: Double)? {
    guard cache.isFull else { return nil }
    let (layers, experts) = (shape.layers, shape.experts)
    // 1 / distance of every key's layer: 1 for the next one, 1 / layers for this one.
    let nearness = (0..<layers).map { 1 / Double(($0 - layer - 1 + layers) % layers + 1) }
    return chances.withUnsafeBufferPointer { chances in
      nearness.withUnsafeBufferPointer { nearness in
        cache.lowest { chances[$0] * nearness[$0 / experts] }
      }
    }
  }
}
