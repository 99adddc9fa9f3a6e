import Demand

/// One die of a run with a proactive cache: what it holds of every layer, what it still has to ask
/// for, and what it computes.
struct ProactiveDie {
  /// A chunk on its way.
  struct Flight {
    let key: ExpertKey
    let arrival: Double
    /// Whether a forecast asked for it.
    let isForecast: Bool
  }

  /// How the experts of the present turn were found.
  struct Found {
    var whole: Set<Int> = []
    var partial: Set<Int> = []
    var missing: Set<Int> = []

    /// An expert has had to leave before it was computed.
    mutating func lose(_ expert: Int) {
      if whole.remove(expert) != nil || partial.remove(expert) != nil { missing.insert(expert) }
    }
  }

  /// By layer.
  var caches: [ChunkedCache]
  var tasks = TransferTasks()
  /// On their way, in the order in which they were asked for.
  var flights: [Flight] = []
  /// The experts of the present turn.
  var order = ComputeOrder()
  var found = Found()
  /// What is computed now, and until when.
  var computing: (expert: Int, end: Double)?
  /// Experts forecast for a layer's next turn, by layer; empty where nobody forecast any.
  private var forecasts: [[Int]]

  /// Empty, with so many places a layer.
  init(layers: Int, slots: Int, chunks: Int) {
    caches = Array(repeating: ChunkedCache(slots: slots, chunks: chunks), count: layers)
    forecasts = Array(repeating: [], count: layers)
  }

  /// Whether all of the turn is computed.
  var isDone: Bool { order.waiting.isEmpty && computing == nil }

  /// Takes in which experts a layer's turn will ask for, the likeliest first: those of which
  /// something is there become the most recently used, and what is missing is queued low.
  ///
  /// - Parameter experts: None whose home is a die; those beyond the layer's places are left out.
  mutating func forecast(_ experts: [Int], layer: Int) {
    let experts = Array(experts.prefix(caches[layer].slots))
    forecasts[layer] = experts
    caches[layer].spare(experts)
    for expert in experts.reversed() where caches[layer].ready(expert) > 0 {
      caches[layer].touch(expert)
    }
    tasks.add(
      forecast: experts.filter { !caches[layer].isAsked($0) }
        .map { ExpertKey(layer: layer, expert: $0) })
  }

  /// A layer's gate has told which experts are computed.
  ///
  /// - Parameters:
  ///   - experts: Ascending.
  ///   - resident: Those of them whose home is this die.
  mutating func gate(
    _ experts: [Int], resident: Set<Int>, layer: Int, _ rules: ProactiveRules,
    _ report: inout ProactiveReport
  ) {
    let expected = forecasts[layer]
    forecasts[layer] = []
    report.forecasts += expected.count
    report.right += expected.count { experts.contains($0) }
    report.inTime += expected.count { caches[layer].isWhole($0) }
    tasks.dropForecasts(of: layer)
    found = Found()
    for expert in experts {
      caches[layer].touch(expert)
      if resident.contains(expert) || caches[layer].isWhole(expert) {
        found.whole.insert(expert)
      } else if caches[layer].ready(expert) > 0 {
        found.partial.insert(expert)
      } else {
        found.missing.insert(expert)
      }
    }
    caches[layer].spare(experts)
    order = ComputeOrder(
      experts, whole: experts.filter(found.whole.contains), reorders: rules.reorders)
    if rules.asksAtGate {
      tasks.add(
        precise: Self.byReadyChunks(
          experts.filter { !found.whole.contains($0) && !caches[layer].isAsked($0) },
          caches[layer]
        ).map { ExpertKey(layer: layer, expert: $0) })
    }
  }

  /// The experts of most ready chunks first; of equals the lower number.
  static func byReadyChunks(_ experts: [Int], _ cache: ChunkedCache) -> [Int] {
    experts.sorted { (cache.ready($1), $0) < (cache.ready($0), $1) }
  }

  /// Takes a place for the next chunk of whoever comes first and can have one. While a precise one waits
  /// for a place, nothing forecast is asked for, which it would have to wait for too.
  ///
  /// - Returns: The expert, and whether it is forecast; nil where nobody has a place. Who left for it
  ///   is counted.
  mutating func nextChunk(
    _ report: inout ProactiveReport, chunkBytes: Double
  ) -> (key: ExpertKey, isForecast: Bool)? {
    let isIdle = flights.isEmpty && computing == nil
    let (keys, isForecast) = tasks.next
    for key in keys {
      guard
        case .asked(let evicted) = caches[key.layer].ask(
          key.expert, isStuck: isIdle && !isForecast)
      else { continue }
      if let evicted {
        report.bytesWasted += Double(evicted.unread) * chunkBytes
        if !isForecast, order.waiting.contains(evicted.expert) {
          order.leaves(evicted.expert)
          found.lose(evicted.expert)
        }
      }
      if caches[key.layer].isAsked(key.expert) { tasks.remove(key) }
      return (key, isForecast)
    }
    return nil
  }

  /// The layer's turn is over.
  mutating func endTurn(
    layer: Int, _ rules: ProactiveRules, _ report: inout ProactiveReport, chunkBytes: Double
  ) {
    report.hits += found.whole.count
    report.partial += found.partial.count
    report.misses += found.missing.count
    guard !rules.keeps else { return }
    for gone in caches[layer].removeAll() {
      report.bytesWasted += Double(gone.unread) * chunkBytes
    }
  }
}
