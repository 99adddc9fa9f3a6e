import Glibc
import RoutingTrace

/// What is known of every key (layer * experts + expert) by now.
struct Outlook {
  /// Weight of a turn's chance in the rate at which an expert is read in turns further ahead.
  private static let rateWeight = 0.4

  /// The chance that it is read at its layer's next turn.
  private(set) var chances: [Double]
  /// The decayed mean of its chances right after each of its layer's turns.
  private(set) var rates: [Double]
  private let experts: Int

  init(_ shape: TraceShape) {
    experts = shape.experts
    let keys = shape.layers * shape.experts
    chances = Array(repeating: 0, count: keys)
    rates = Array(repeating: Double(shape.topK) / Double(shape.experts), count: keys)
  }

  /// - Parameter isTurn: Whether the layer has just had its turn.
  mutating func take(_ row: ArraySlice<Float16>, _ layer: Int, isTurn: Bool) {
    var key = layer * experts
    for chance in row {
      chances[key] = Double(chance)
      if isTurn { rates[key] += Self.rateWeight * (Double(chance) - rates[key]) }
      key += 1
    }
  }
}

/// The state of one ``CacheStudy/Guided``.
struct GuidedCache {
  private let shape: TraceShape
  private let options: CacheStudy.Guided
  private var cache: ExpertCache
  var report = CacheReport()
  private var isUnread: [Bool]
  /// Every key's worth at its layer's next turn; nearer turns count more.
  private var worth: [Double]
  private var layersPassed = 0
  private var brought = 0

  init(_ shape: TraceShape, _ options: CacheStudy.Guided) {
    self.shape = shape
    self.options = options
    let keys = shape.layers * shape.experts
    cache = ExpertCache(capacity: options.capacity, keys: keys)
    isUnread = Array(repeating: false, count: keys)
    worth = Array(repeating: 0, count: keys)
  }

  /// What a read one layer later is worth: e^(-1 / H), H the layers that a key stays.
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
    let base = layer * shape.experts
    for key in base..<base + shape.experts {
      let (chance, rate) = (outlook.chances[key], outlook.rates[key])
      worth[key] = chance + (1 - chance) * round * rate / (1 - (1 - rate) * round)
    }
  }

  mutating func read(_ chosen: [UInt16], layer: Int, _ outlook: Outlook) {
    layersPassed += 1
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

  mutating func prefetch(after layer: Int, _ outlook: Outlook) {
    guard options.prefetches > 0, cache.capacity > 0 else { return }
    let base = (layer + 1) % shape.layers * shape.experts
    let chances = outlook.chances
    let discount = discount
    let best = (base..<base + shape.experts)
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

  private mutating func bring(_ key: Int, over victim: Int?) {
    brought += 1
    if let victim {
      isUnread[victim] = false
      cache.replace(victim, by: key)
    } else if !cache.isFull {
      cache.add(key)
    }
  }

  /// The least worthy key while `layer` has its turn; nil while there is room.
  private func lowest(now layer: Int) -> (key: Int, worth: Double)? {
    guard cache.isFull else { return nil }
    let (layers, experts, discount) = (shape.layers, shape.experts, discount)
    // By layer: the next one's turn is 1 layer from now, this one's L.
    let nearness = (0..<layers).map {
      pow(discount, Double(($0 - layer - 1 + layers) % layers + 1))
    }
    return worth.withUnsafeBufferPointer { worth in
      nearness.withUnsafeBufferPointer { nearness in
        cache.lowest { worth[$0] * nearness[$0 / experts] }
      }
    }
  }
}
