import Demand
import RoutingTrace

/// Hit rates of expert caches on the stream of the experts that requests read.
///
/// ```swift
/// let study = CacheStudy(pool, slots: 16)
/// let places = study.capacity(share: 0.05)
/// print(study.run(.leastRecent, capacity: places).hitRate)
/// ```
///
/// The rule: so many requests at a time go through the layers together, a token of each a step;
/// one at a time, tokens come in the trace's own order. A layer of a step reads every expert that
/// one of its tokens chose, once, in the order of slots; one cache for all layers, kept from
/// request to request, empty at the start; every miss is brought in. LFU counts reads for ever and,
/// among equals, evicts the one not read longest. Belady evicts the one whose next read is
/// farthest.
public struct CacheStudy: Sendable {
  private let pool: RequestPool
  private let stream: ExpertStream

  /// A study of all requests of `pool`.
  ///
  /// - Parameter slots: Requests at a time, at least 1.
  public init(_ pool: RequestPool, slots: Int = 1) {
    self.pool = pool
    stream = ExpertStream(pool, slots: slots)
  }

  /// All experts of the model (layers * experts): what a capacity of 1 holds.
  public var experts: Int { pool.shape.layers * pool.shape.experts }

  /// Places in a cache of `share` of all experts, rounded down.
  public func capacity(share: Double) -> Int { Int((share * Double(experts)).rounded(.down)) }

  /// A cache that is filled when experts are read.
  ///
  /// - Parameters:
  ///   - policy: ``EvictionPolicy/leastExpected``, without a forecast here, is LRU; see
  ///     ``guided(_:_:)``.
  ///   - capacity: Places.
  /// - Complexity: O(misses * capacity + reads).
  public func run(_ policy: EvictionPolicy, capacity: Int) -> CacheReport {
    guard policy != .belady else { return clairvoyant(capacity: capacity, prefetches: 0) }
    let shape = pool.shape
    var cache = ExpertCache(capacity: capacity, layers: shape.layers, experts: shape.experts)
    var report = CacheReport()
    report.reads = stream.reads
    guard capacity > 0 else { return report }
    var uses = ByExpert(repeating: 0, layers: shape.layers, experts: shape.experts)
    // What the policy compares; the lowest leaves.
    var worth = ByExpert(repeating: 0.0, layers: shape.layers, experts: shape.experts)
    for (time, key) in stream.turns.joined().enumerated() {
      uses[key] += 1
      if cache.holds(key) { report.hits += 1 } else { cache.bring(key) { worth[$0] } }
      // A stream is shorter than 2^26 reads, so count and time fit one Double exactly.
      worth[key] =
        policy == .leastFrequent ? Double(uses[key]) * 0x1p26 + Double(time) : Double(time)
    }
    return report
  }

  /// A cache whose owner knows what will be read: it evicts by Belady's rule and, after each turn,
  /// brings up to `prefetches` of the experts that the next turn reads, the soonest read first, if
  /// what leaves is read later. The bound of what a cache that brings so many ahead can reach.
  ///
  /// - Complexity: O((misses + prefetches) * capacity + reads).
  public func clairvoyant(capacity: Int, prefetches: Int) -> CacheReport {
    let shape = pool.shape
    var cache = ExpertCache(capacity: capacity, layers: shape.layers, experts: shape.experts)
    var report = CacheReport()
    report.reads = stream.reads
    guard capacity > 0 else { return report }
    // When each expert is read next.
    let (next, first) = stream.nextReads(shape)
    var coming = first
    var isUnread = ByExpert(repeating: false, layers: shape.layers, experts: shape.experts)
    var time = 0
    for (turn, keys) in stream.turns.enumerated() {
      for key in keys {
        if cache.holds(key) {
          report.hits += 1
          if isUnread[key] { report.prefetchesUsed += 1 }
          isUnread[key] = false
        } else {
          cache.bring(key) { -Double(coming[$0]) }
        }
        coming[key] = next[time]
        time += 1
      }
      guard prefetches > 0, turn + 1 < stream.turns.count else { continue }
      for key in stream.turns[turn + 1].lazy.filter({ !cache.holds($0) }).prefix(prefetches) {
        if cache.isFull, let victim = cache.lowest({ -Double(coming[$0]) }),
          coming[victim.key] <= coming[key]
        {
          break
        }
        cache.bring(key) { -Double(coming[$0]) }
        report.prefetches += 1
        isUnread[key] = true
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
  /// worth less. Of a batch p is the chance that any of its tokens reads the expert.
  ///
  /// - Parameter tables: Made from the pool; layers as far ahead as they know are forecast from
  ///   what was routed in these tokens, others from earlier tokens.
  public func guided(_ caches: [Guided], _ tables: MixtureTables) -> [CacheReport] {
    let shape = pool.shape
    var runs = caches.map { GuidedCache(shape, $0) }
    var outlook = Outlook(shape)
    let firsts = Set(pool.starts)
    for (step, tokens) in stream.steps.enumerated() {
      // A request's first token is told by nothing; what was known of the layer stays.
      let coming = step + 1 < stream.steps.count ? stream.steps[step + 1] : []
      let followed = coming.filter { !firsts.contains($0) }
      for layer in 0..<shape.layers {
        let chosen = stream.turn(step: step, layer: layer)
        for run in runs.indices { runs[run].read(chosen, at: layer) }
        if !followed.isEmpty {
          outlook.take(tables.nextToken, followed, layer, isTurn: true)
          for run in runs.indices { runs[run].revalue(layer, outlook) }
        }
        for (later, table) in zip(layer + 1..<shape.layers, tables.laterLayers) {
          outlook.take(table, tokens, later, isTurn: false)
          for run in runs.indices { runs[run].revalue(later, outlook) }
        }
        for run in runs.indices { runs[run].prefetch(after: layer, outlook) }
      }
    }
    return runs.map(\.report)
  }
}
