import Demand
import Placement
import RoutingTrace

/// One run of clients and servers, event by event.
struct ServiceRun {
  enum Event {
    /// A request arrives.
    case arrival
    /// A client has computed a layer's attention.
    case attended(Int)
    /// A message is at its server, or its answer or refusal at its client.
    case arrived(Int)
    case answered(Int)
    case refused(Int)
    /// A client's messages of a call have been away for long.
    case overdue(client: Int, call: Int)
    /// A server has computed its batch, or loaded an expert.
    case served(Int)
    case loaded(Int)
    /// A server is lost; that is noticed; another comes in its place.
    case lost(Int)
    case noticed(Int)
    case replaced(Int)
    /// A window of provisioning begins.
    case window
  }

  /// Choices that wait until somebody holds their expert.
  struct Parked {
    let client: Int
    let tokens: Int
  }

  let setup: ServiceSetup
  let traffic: ServiceTraffic
  let losses: ServerLosses
  let provisioning: Provisioning?

  var clock = 0.0
  var events = EventHeap<Event>()
  var clients: [AttentionClient]
  var servers: [ExpertServer] = []
  var register: ReplicaRegister
  var messages = MessageStore()
  /// By key, of those that nobody holds.
  var parked: [Int: [Parked]] = [:]
  /// Experts that nobody holds or loads.
  var orphans: Set<Int> = []
  var result = ServiceResult()
  /// Kept if somebody sets it.
  var ledger: AnswerLedger?

  // Requests: those that arrive, each with its place in the pool, and those that no client has yet.
  private var queue: EndlessQueue
  private let coming: [Int]
  private let arrivals: [Double]
  private var nextArrival = 0
  private var line: [AttentionClient.Request] = []
  private var lineStart = 0

  // Provisioning's: see ServiceRun+Provisioning.swift.
  var knowledge: WindowKnowledge?
  var busyBefore = 0.0
  var tokensBefore = 0
  var busyPerToken: Double?

  init(
    _ setup: ServiceSetup, _ traffic: ServiceTraffic, _ losses: ServerLosses,
    _ provisioning: Provisioning?, seed: UInt64
  ) throws(SimulationError) {
    self.setup = setup
    self.traffic = traffic
    self.losses = losses
    self.provisioning = provisioning
    register = ReplicaRegister(keys: setup.keys)
    clients = Array(repeating: AttentionClient(), count: setup.options.clients)
    var queue = EndlessQueue(requests: setup.pool.requests, seed: seed)
    switch traffic {
    case .saturated:
      (arrivals, coming) = ([], [])
      // Clients that begin empty would go in step, so requests stand somewhere in the middle.
      var random = SeededGenerator(seed: ~seed)
      for client in clients.indices {
        clients[client].requests = (0..<setup.options.batch).map { _ in
          let number = queue.next()
          return .init(
            number: number, arrived: 0,
            position: Int.random(in: 0..<setup.pool.length(number), using: &random))
        }
      }
    case .arriving(let times):
      arrivals = times.seconds
      coming = times.seconds.map { _ in queue.next() }
      if let provisioning {
        knowledge = try WindowKnowledge(
          provisioning, setup, arrivals: arrivals, requests: coming)
      }
    }
    self.queue = queue
    result.capacity = setup.capacity
    result.coreServers = setup.core
  }

  /// Places every expert on the core servers, and fills those behind them with replicas.
  mutating func place(by algorithm: any PlacementAlgorithm) throws(SimulationError) {
    for _ in 0..<setup.options.servers {
      servers.append(ExpertServer(keys: setup.keys, capacity: setup.capacity, since: 0))
    }
    let map: SlotMap
    do {
      let ofLayer = (setup.experts + setup.core - 1) / setup.core
      let layout = try DeviceLayout(
        experts: setup.experts, gpus: setup.core,
        redundant: ofLayer * setup.core - setup.experts)
      let alike = Array(repeating: Array(repeating: 1.0, count: setup.experts), count: setup.layers)
      map = try algorithm.place(PlacementEvidence(loads: alike), on: layout)
    } catch { throw SimulationError(error.description) }
    for server in 0..<setup.core {
      for layer in 0..<setup.layers {
        for expert in map.experts(of: server, layer: layer) {
          servers[server].take(layer * setup.experts + expert)
        }
      }
      serve(from: server)
    }
    for server in setup.core..<max(setup.core, setup.options.servers) {
      for key in bestReplicas() { servers[server].take(key) }
      serve(from: server)
    }
  }

  /// A server registers for what it holds.
  private mutating func serve(from server: Int) {
    servers[server].state = .serving
    for key in servers[server].heldKeys { register.register(server, for: key) }
  }

  /// Runs until nothing is left to do.
  ///
  /// - Throws: ``Demand/SimulationError`` where a client waits for an expert that nobody will hold.
  mutating func run() throws(SimulationError) -> ServiceResult {
    for loss in losses.losses { events.insert(.lost(loss.server), at: loss.seconds) }
    if provisioning != nil { events.insert(.window, at: 0) }
    if let first = arrivals.first { events.insert(.arrival, at: first) }
    for client in clients.indices { beginStep(client) }
    result.mostServers = servers.count
    while let (time, event) = events.take() {
      clock = time
      handle(event)
    }
    if let key = parked.keys.min() {
      throw SimulationError(
        "expert \(key % setup.experts) of layer \(key / setup.experts) was lost with its servers, and"
          + " nobody had room for it; give servers more room, or replace those that are lost")
    }
    endWindow()
    settle()
    return result
  }

  private mutating func handle(_ event: Event) {
    switch event {
    case .arrival: admit()
    case .attended(let client): ask(client)
    case .arrived(let message): receive(message)
    case .answered(let message): hear(message)
    case .refused(let message): hearRefusal(message)
    case .overdue(let client, let call): lookAfter(client, call)
    case .served(let server): answer(from: server)
    case .loaded(let server): endLoad(server)
    case .lost(let server): lose(server)
    case .noticed(let server): strikeOff(server)
    case .replaced(let server): addServer(holding: servers[server].heldKeys)
    case .window: beginWindow()
    }
  }

  /// Whether requests may still begin or arrive.
  var isTrafficOver: Bool {
    switch traffic {
    case .saturated(let seconds): clock >= seconds
    case .arriving:
      nextArrival == arrivals.count && lineStart == line.count && clients.allSatisfy { !$0.isBusy }
    }
  }

  /// Whether what ends now counts for throughput.
  private var isObserved: Bool {
    if case .saturated(let seconds) = traffic { return clock <= seconds }
    return true
  }

  /// Takes in the request that arrives now.
  private mutating func admit() {
    line.append(.init(number: coming[nextArrival], arrived: clock))
    nextArrival += 1
    knowledge?.noteArrival()
    if nextArrival < arrivals.count { events.insert(.arrival, at: arrivals[nextArrival]) }
    let least = clients.indices.min { clients[$0].requests.count < clients[$1].requests.count } ?? 0
    if !clients[least].isBusy { beginStep(least) }
  }

  /// Fills a client's batch, and begins its next step if there is one.
  mutating func beginStep(_ client: Int) {
    if case .arriving = traffic {
      while clients[client].requests.count < setup.options.batch, lineStart < line.count {
        clients[client].requests.append(line[lineStart])
        lineStart += 1
      }
    } else if isTrafficOver {
      clients[client].isBusy = false
      return
    }
    clients[client].isBusy = !clients[client].requests.isEmpty
    guard clients[client].isBusy else { return }
    clients[client].tokens = clients[client].requests.map {
      setup.pool.starts[$0.number] + $0.position
    }
    clients[client].layer = 0
    clients[client].stepBegan = clock
    attend(client)
  }

  /// Computes what lies before a layer.
  mutating func attend(_ client: Int) {
    clients[client].attentionSeconds += setup.options.gapSeconds
    events.insert(.attended(client), at: clock + setup.options.gapSeconds)
  }

  /// All layers are through: every request of the step has a token more.
  mutating func endStep(_ client: Int) {
    let count = clients[client].requests.count
    result.tokens += count
    result.seconds = clock
    if isObserved { result.observedTokens += count }
    result.stepSeconds.add(clock - clients[client].stepBegan)
    var left: [AttentionClient.Request] = []
    left.reserveCapacity(count)
    for var request in clients[client].requests {
      request.position += 1
      let length = setup.pool.length(request.number)
      guard request.position == length else {
        left.append(request)
        continue
      }
      result.requests += 1
      if case .saturated = traffic {
        left.append(.init(number: queue.next(), arrived: clock))
      } else {
        result.secondsPerToken.add((clock - request.arrived) / Double(length))
      }
    }
    clients[client].requests = left
    beginStep(client)
  }

  /// Sums up what servers and clients did.
  private mutating func settle() {
    if case .saturated(let seconds) = traffic {
      result.observedSeconds = seconds
    } else {
      result.observedSeconds = result.seconds
    }
    for server in servers {
      result.serverSeconds += max(0, (server.until ?? result.seconds) - server.since)
      result.busySeconds += server.busySeconds
      result.mostHeld = max(result.mostHeld, server.most)
    }
    for client in clients {
      result.attentionSeconds += client.attentionSeconds
      result.waitingSeconds += client.waitingSeconds
    }
  }
}
