import Demand
import Glibc
import RoutingTrace

/// The state of one ``CacheStudy/Guided``.
struct GuidedCache {
  private let shape: TraceShape
  private let options: CacheStudy.Guided
  private var cache: ExpertCache
  var report = CacheReport()
  /// Whether it was brought ahead and has not been read since.
  private var isUnread: ByExpert<Bool>
  /// Every expert's worth at its layer's next turn; nearer turns count more.
  private var worth: ByExpert<Double>
  private var layersPassed = 0
  private var brought = 0

  init(_ shape: TraceShape, _ options: CacheStudy.Guided) {
    self.shape = shape
    self.options = options
    let (layers, experts) = (shape.layers, shape.experts)
    cache = ExpertCache(capacity: options.capacity, layers: layers, experts: experts)
    isUnread = ByExpert(repeating: false, layers: layers, experts: experts)
    worth = ByExpert(repeating: 0, layers: layers, experts: experts)
  }

  /// What a read one layer later is worth: e^(-1 / H), H the layers that an expert stays.
  private var discount: Double {
    let isKnown = layersPassed > shape.layers && brought > 0
    let stay =
      isKnown
      ? Double(options.capacity) * Double(layersPassed) / Double(brought) : Double(shape.layers)
    return exp(-1 / max(stay, 1))
  }

  /// Takes in what is newly known of a layer.
  mutating func revalue(_ layer: Int, _ outlook: Outlook) {
    let round = pow(discount, Double(shape.layers))
    for key in worth.numbers(ofLayer: layer) {
      let (chance, rate) = (outlook.chances.values[key], outlook.rates.values[key])
      worth.values[key] = chance + (1 - chance) * round * rate / (1 - (1 - rate) * round)
    }
  }

  /// Reads what a token chose at `layer`; misses are brought in.
  mutating func read(_ chosen: [ExpertKey], at layer: Int) {
    layersPassed += 1
    for key in chosen {
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

  /// Brings the likeliest experts of the next layer, as far as they are worth more than what
  /// leaves.
  mutating func prefetch(after layer: Int, _ outlook: Outlook) {
    guard options.prefetches > 0, cache.capacity > 0 else { return }
    let next = (layer + 1) % shape.layers
    let chances = outlook.chances
    let discount = discount
    let best = (0..<shape.experts).map { ExpertKey(layer: next, expert: $0) }
      .filter { chances[$0] >= options.leastChance && !cache.holds($0) }
      .sorted { (chances[$1], $0) < (chances[$0], $1) }.prefix(options.prefetches)
    for key in best {
      let victim = lowest(now: layer)
      if let victim, victim.worth >= worth[key] * discount { break }
      bring(key, over: victim?.key)
      report.prefetches += 1
      isUnread[key] = true
    }
  }

  /// Brings an expert in, in the place of `victim` if there is one.
  private mutating func bring(_ key: ExpertKey, over victim: ExpertKey?) {
    brought += 1
    if let victim {
      isUnread[victim] = false
      cache.replace(victim, by: key)
    } else if !cache.isFull {
      cache.add(key)
    }
  }

  /// The least worthy expert while `layer` has its turn; nil while there is room.
  private func lowest(now layer: Int) -> (key: ExpertKey, worth: Double)? {
    guard cache.isFull else { return nil }
    let (layers, discount) = (shape.layers, discount)
    // By layer: the next one's turn is 1 layer from now, this one's L.
    let nearness = (0..<layers).map {
      pow(discount, Double(($0 - layer - 1 + layers) % layers + 1))
    }
    return nearness.withUnsafeBufferPointer { nearness in
      cache.lowest { worth[$0] * nearness[$0.layer] }
    }
  }
}
