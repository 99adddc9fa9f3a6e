import Demand
import Wafer

/// A run with a proactive cache as it stands: one layer after the other, event by event.
///
/// A die computes one expert at a time, whole experts only, as the event engine computes tasks out of the
/// die's own HBM. Meanwhile, and between layers, it has ``window`` chunks on their way. Where several
/// things happen at once, chunks come before experts end, and lower dies before higher ones.
struct ProactiveRun {
  /// Chunks that a die may have on their way: one at the memory and one on the link keep both busy.
  /// A layer's experts wait for so many of others at most.
  static let window = 2

  /// What one layer took.
  struct Outcome {
    /// Seconds from the gate to the end of the last expert.
    let seconds: Double
    /// The same, were every expert there.
    let residentSeconds: Double
    let tasks: [ExpertTask]
  }

  private let rules: ProactiveRules
  private let costs: TransferCosts
  private let engine: EventEngine
  /// Node of every layer's experts.
  private let homes: [[Int]]
  private(set) var dies: [ProactiveDie]
  private var ways: ChunkWays
  private(set) var now = 0.0
  /// What has been counted so far; whoever reads it may set it back.
  var report = ProactiveReport()
  /// Seconds from a die's beginning to compute to the first chunk's computing, about: what one expert of one
  /// request takes alone, less what it adds behind another one.
  private(set) var startSeconds = 0.0
  /// Seconds of an expert by its requests, as they were needed.
  private var computeSeconds: [Int: Double] = [:]
  /// Every event, for tests; nil where nobody asks.
  var record: [Event]?

  /// Something that happened.
  enum Event: Hashable {
    case came(ExpertKey, at: Double)
    case computed(ExpertKey, at: Double)
  }

  /// - Parameters:
  ///   - homes: Node of every layer's experts.
  ///   - slots: Experts of a layer that every die keeps.
  ///   - engine: Times the experts.
  init(
    _ rules: ProactiveRules, _ costs: TransferCosts, homes: [[Int]], slots: [Int],
    engine: EventEngine
  ) {
    self.rules = rules
    self.costs = costs
    self.engine = engine
    self.homes = homes
    dies = slots.map {
      ProactiveDie(layers: homes.count, slots: $0, chunks: costs.chunks)
    }
    ways = ChunkWays(costs)
    startSeconds = engineSeconds(experts: 1, requests: 1) - seconds(requests: 1)
  }

  // MARK: Who computes what

  /// The die that computes an expert: its home, or where that lies behind the dies, neighbours in
  /// number share one.
  func die(of key: ExpertKey) -> Int {
    let home = homes[key.layer][key.expert]
    return home < dies.count ? home : key.expert * dies.count / homes[key.layer].count
  }

  private func isResident(_ key: ExpertKey) -> Bool { homes[key.layer][key.expert] < dies.count }

  /// Seconds of the event engine for so many experts of so many requests each, in HBM.
  private func engineSeconds(experts: Int, requests: Int) -> Double {
    engine.run(
      (0..<experts).map { ExpertTask(expert: $0, die: 0, requests: requests, source: 0) },
      copies: [], expert: costs.expert, on: costs.fabric
    ).seconds
  }

  /// Seconds that a die computes so many requests of one expert that it holds, right behind another one,
  /// while whose last chunks are computed it is read already; whoever has no such one before it takes
  /// ``startSeconds`` more.
  mutating func seconds(requests: Int) -> Double {
    if let known = computeSeconds[requests] { return known }
    let seconds =
      engineSeconds(experts: 2, requests: requests) - engineSeconds(experts: 1, requests: requests)
    computeSeconds[requests] = seconds
    return seconds
  }

  // MARK: One layer

  /// Runs one layer from its gate on, until all is computed.
  ///
  /// - Parameters:
  ///   - counts: Requests of every expert.
  ///   - target: The layer whose turn is forecast now, with the requests expected of its experts; nil
  ///     where nothing is forecast.
  mutating func layer(
    _ layer: Int, counts: [Int], expecting target: (layer: Int, load: [Double])?
  ) -> Outcome {
    let began = now
    let experts = counts.indices.filter { counts[$0] > 0 }
    for die in dies.indices {
      let own = experts.filter { self.die(of: ExpertKey(layer: layer, expert: $0)) == die }
      let resident = own.filter { isResident(ExpertKey(layer: layer, expert: $0)) }
      dies[die].gate(own, resident: Set(resident), layer: layer, rules, &report)
    }
    if let target { forecast(target.load, layer: target.layer) }
    let tasks = experts.map { expert in
      let key = ExpertKey(layer: layer, expert: expert)
      let die = die(of: key)
      return ExpertTask(
        expert: expert, die: die, requests: counts[expert],
        source: dies[die].found.whole.contains(expert) ? die : homes[layer][expert])
    }
    for die in dies.indices { advance(die, layer, counts) }
    while !dies.allSatisfy(\.isDone), let event = nextEvent() { handle(event, layer, counts) }
    for die in dies.indices {
      dies[die].endTurn(layer: layer, rules, &report, chunkBytes: costs.chunkBytes)
    }
    var resident = Array(repeating: 0.0, count: dies.count)
    for task in tasks {
      let die = Int(task.die)
      resident[die] +=
        seconds(requests: Int(task.requests)) + (resident[die] > 0 ? 0 : startSeconds)
    }
    return Outcome(
      seconds: now - began, residentSeconds: resident.max() ?? 0, tasks: tasks)
  }

  /// Lets transfers move for the time between two layers.
  mutating func rest(seconds: Double) {
    let end = now + seconds
    while let event = nextEvent(), event.time <= end { handle(event, 0, []) }
    now = end
  }

  /// Hands every die the experts that it should expect.
  private mutating func forecast(_ load: [Double], layer: Int) {
    let expected = Self.expected(load).filter { !isResident(ExpertKey(layer: layer, expert: $0)) }
    for die in dies.indices {
      dies[die].forecast(
        expected.filter { self.die(of: ExpertKey(layer: layer, expert: $0)) == die },
        layer: layer)
    }
  }

  /// The experts to expect of a layer, the likeliest first: as many as differ in what is expected, an
  /// expert of which one request or more is expected counting as one.
  static func expected(_ load: [Double]) -> [Int] {
    let count = Int(load.reduce(0) { $0 + min(1, max(0, $1)) }.rounded())
    return load.indices.filter { load[$0] > 0 }.sorted { (load[$1], $0) < (load[$0], $1) }
      .prefix(count).map { $0 }
  }

  // MARK: Events

  private struct NextEvent {
    let time: Double
    let die: Int
    /// The place of the chunk that comes; nil where an expert ends.
    let flight: Int?
  }

  /// What happens next; nil where nothing is under way.
  private func nextEvent() -> NextEvent? {
    var next: NextEvent?
    func consider(_ event: NextEvent) {
      if let best = next, best.time <= event.time { return }
      next = event
    }
    for (die, state) in dies.enumerated() {
      for (place, flight) in state.flights.enumerated() {
        consider(NextEvent(time: flight.arrival, die: die, flight: place))
      }
    }
    for (die, state) in dies.enumerated() {
      if let end = state.computing?.end { consider(NextEvent(time: end, die: die, flight: nil)) }
    }
    return next
  }

  /// - Parameters:
  ///   - layer: The layer whose turn it is, and its requests; between layers any, and none.
  private mutating func handle(_ event: NextEvent, _ layer: Int, _ counts: [Int]) {
    now = event.time
    let die = event.die
    if let place = event.flight {
      let flight = dies[die].flights.remove(at: place)
      let key = flight.key
      dies[die].caches[key.layer].receive(key.expert, byForecast: flight.isForecast)
      report.bytesMoved += costs.chunkBytes
      record?.append(.came(key, at: now))
      if key.layer == layer, dies[die].caches[layer].isWhole(key.expert) {
        dies[die].order.becomesReady(key.expert)
      }
    } else if let done = dies[die].computing {
      dies[die].computing = nil
      dies[die].caches[layer].read(done.expert)
      record?.append(.computed(ExpertKey(layer: layer, expert: done.expert), at: now))
    }
    advance(die, layer, counts, follows: event.flight == nil)
  }

  /// Lets a die begin what it can: the next expert, and the next chunks.
  ///
  /// - Parameter follows: Whether it has computed another expert until now.
  private mutating func advance(
    _ die: Int, _ layer: Int, _ counts: [Int], follows: Bool = false
  ) {
    if dies[die].computing == nil {
      if let expert = dies[die].order.next() {
        let seconds = seconds(requests: counts[expert])
        dies[die].computing = (expert, now + (follows ? 0 : startSeconds) + seconds)
      } else if let expert = dies[die].order.waiting.first,
        !dies[die].caches[layer].isAsked(expert)
      {
        // Whoever asks only now: reactive, or what had to leave.
        dies[die].tasks.add(precise: [ExpertKey(layer: layer, expert: expert)])
      }
    }
    while dies[die].flights.count < Self.window,
      let (key, isForecast) = dies[die].nextChunk(&report, chunkBytes: costs.chunkBytes)
    {
      let arrival = ways.arrival(
        from: homes[key.layer][key.expert], to: die, askedAt: now)
      dies[die].flights.append(
        ProactiveDie.Flight(key: key, arrival: arrival, isForecast: isForecast))
    }
  }
}
