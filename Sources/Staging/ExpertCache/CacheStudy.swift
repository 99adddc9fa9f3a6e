import Demand
import RoutingTrace

/// Hit rates of expert caches on the stream of one request after another.
///
/// ```swift
/// let study = CacheStudy(pool)
/// let places = study.capacity(share: 0.05)
/// print(study.run(.leastRecent, capacity: places).hitRate)
/// ```
///
/// The rule: requests one after the other, token by token, layer by layer, every chosen expert in
/// its slot's order; one cache for all layers, kept from request to request, empty at the start;
/// every miss is brought in. LFU counts reads for ever and, among equals, evicts the one not read
/// longest. Belady evicts the one whose next read is farthest.
public struct CacheStudy: Sendable {
  private let pool: RequestPool
  /// The stream of all reads.
  private let reads: [ExpertKey]

  /// A study of all requests of `pool`, in its order.
  public init(_ pool: RequestPool) {
    self.pool = pool
    var reads: [ExpertKey] = []
    reads.reserveCapacity(pool.tokens * pool.shape.idsPerToken)
    for token in 0..<pool.tokens {
      for layer in 0..<pool.shape.layers { reads += Self.reads(of: pool, token, layer) }
    }
    self.reads = reads
  }

  /// What a token reads at a layer, slot after slot.
  private static func reads(
    of pool: RequestPool, _ token: Int, _ layer: Int
  ) -> LazyMapSequence<LazyFilterSequence<ArraySlice<UInt16>>, ExpertKey> {
    let experts = pool.shape.experts
    return pool.choice(of: token, layer: layer).lazy.filter { Int($0) < experts }
      .map { ExpertKey(layer: layer, expert: Int($0)) }
  }

  /// All experts of the model (layers * experts): what a capacity of 1 holds.
  public var experts: Int { pool.shape.layers * pool.shape.experts }

  /// Places in a cache of `share` of all experts, rounded down.
  public func capacity(share: Double) -> Int { Int((share * Double(experts)).rounded(.down)) }

  /// A cache without prefetch.
  ///
  /// - Parameters:
  ///   - policy: ``EvictionPolicy/leastExpected`` is not one of them; see
  ///     ``guided(_:_:)``.
  ///   - capacity: Places.
  /// - Complexity: O(misses * capacity + reads).
  public func run(_ policy: EvictionPolicy, capacity: Int) -> CacheReport {
    let shape = pool.shape
    var cache = ExpertCache(capacity: capacity, layers: shape.layers, experts: shape.experts)
    var report = CacheReport()
    report.reads = reads.count
    guard capacity > 0 else { return report }
    let next = policy == .belady ? nextReads() : []
    var uses = ByExpert(repeating: 0, layers: shape.layers, experts: shape.experts)
    // What the policy compares; the lowest leaves.
    var worth = ByExpert(repeating: 0.0, layers: shape.layers, experts: shape.experts)
    for (time, key) in reads.enumerated() {
      uses[key] += 1
      if cache.holds(key) {
        report.hits += 1
      } else if cache.isFull {
        if let victim = cache.lowest({ worth[$0] }) { cache.replace(victim.key, by: key) }
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
    /// Experts that it holds at most, of all layers together.
    public var capacity: Int
    /// Experts brought ahead for each layer, at most.
    public var prefetches: Int
    /// Chance below which an expert is not brought, whatever would have to leave.
    public var leastChance = 0.02

    /// A cache of so many places that brings so many experts ahead, if their chance is 2 % or more.
    public init(capacity: Int, prefetches: Int) {
      self.capacity = capacity
      self.prefetches = prefetches
    }
  }

  /// Caches that forecasts fill and empty, side by side.
  ///
  /// After a layer, the forecasts say with what chance p each expert of every layer will be read
  /// when that layer's turn comes, d layers from now; q is the decayed mean of the expert's chances
  /// so far and stands for the turns after that. An expert is worth the discounted chance of its
  /// next read, g^d (p + (1 - p) G q / (1 - (1 - q) G)) with G = g^L: a read one layer later is
  /// worth g = exp(-1 / H) of it, where H is how many layers an expert stays in this cache, its
  /// places over the experts brought a layer. Misses take the place of the least worthy; up to
  /// `prefetches` of the next layer's experts, likeliest first, take the place of any that are
  /// worth less.
  ///
  /// - Parameter tables: Made from the pool; layers as far ahead as they know are forecast from
  ///   what
  ///   was routed in this token, others from earlier tokens.
  public func guided(_ caches: [Guided], _ tables: MixtureTables) -> [CacheReport] {
    let shape = pool.shape
    var runs = caches.map { GuidedCache(shape, $0) }
    var outlook = Outlook(shape)
    for request in 0..<pool.requests {
      let end = pool.starts[request + 1]
      for token in pool.starts[request]..<end {
        for layer in 0..<shape.layers {
          let chosen = Array(Self.reads(of: pool, token, layer))
          for run in runs.indices { runs[run].read(chosen, at: layer) }
          // A request's last token says nothing of the next request's first; what was known stays.
          if token + 1 < end {
            outlook.take(tables.nextToken.row(token: token + 1, layer: layer), layer, isTurn: true)
            for run in runs.indices { runs[run].revalue(layer, outlook) }
          }
          for (later, table) in zip(layer + 1..<shape.layers, tables.laterLayers) {
            outlook.take(table.row(token: token, layer: later), later, isTurn: false)
            for run in runs.indices { runs[run].revalue(later, outlook) }
          }
          for run in runs.indices { runs[run].prefetch(after: layer, outlook) }
        }
      }
    }
    return runs.map(\.report)
  }

  /// When each read's key is read next; beyond the end if never.
  private func nextReads() -> [Int] {
    var next = Array(repeating: 0, count: reads.count)
    let (layers, experts) = (pool.shape.layers, pool.shape.experts)
    var last = ByExpert(repeating: Int.max >> 1, layers: layers, experts: experts)
    for time in reads.indices.reversed() {
      next[time] = last[reads[time]]
      last[reads[time]] = time
    }
    return next
  }
}
