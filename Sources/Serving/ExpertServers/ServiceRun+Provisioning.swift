import Demand

/// Servers that follow the traffic, and replicas that follow the experts' loads.
extension ServiceRun {
  /// Ends a window, and provisions for the next.
  mutating func beginWindow() {
    guard let provisioning else { return }
    if clock > 0 { endWindow() }
    let expected = knowledge?.expectedRequests
    let wanted = serversWanted(expected, provisioning)
    let present = servers.indices.filter {
      servers[$0].state == .serving || servers[$0].state == .booting
    }
    if wanted > present.count {
      for _ in present.count..<wanted { addServer(holding: bestReplicas()) }
    } else {
      sendAway(present.count - wanted)
    }
    exchangeReplicas(provisioning)
    result.windows.append(
      .init(seconds: clock, expected: expected, arrived: 0, servers: wanted))
    if clock + provisioning.windowSeconds <= traffic.seconds {
      events.insert(.window, at: clock + provisioning.windowSeconds)
    }
  }

  /// Counts what the window under way came to; the last one ends with the run.
  mutating func endWindow() {
    guard provisioning != nil else { return }
    let arrived = knowledge?.endWindow() ?? 0
    if let window = result.windows.popLast() {
      result.windows.append(
        .init(
          seconds: window.seconds, expected: window.expected, arrived: arrived,
          servers: window.servers))
    }
    let busy = servers.reduce(0) { $0 + $1.busySeconds }
    if result.tokens > tokensBefore {
      busyPerToken = (busy - busyBefore) / Double(result.tokens - tokensBefore)
    }
    (busyBefore, tokensBefore) = (busy, result.tokens)
  }

  /// How many servers the expected requests of a window want; all while nothing is known.
  private func serversWanted(_ expected: Double?, _ provisioning: Provisioning) -> Int {
    guard let expected, let busyPerToken else { return setup.options.servers }
    let tokens = expected * Double(setup.pool.tokens) / Double(setup.pool.requests)
    let busy = tokens * busyPerToken / provisioning.windowSeconds
    let wanted = (busy / provisioning.utilisation).rounded(.up)
    return Int(min(max(wanted, Double(setup.core)), Double(setup.options.servers)))
  }

  /// Tokens a replica that every expert is expected to have, by key: those of one that nobody holds
  /// are without bounds.
  private func loadsPerReplica() -> [Double] {
    let loads = knowledge?.expectedLoads ?? Array(repeating: 1, count: setup.keys)
    var copies = register.holders.map(\.count)
    for server in servers where server.until == nil {
      for load in server.loads { copies[load.key] += 1 }
      if let loading = server.loading { copies[loading.key] += 1 }
      // One that boots is not registered for what it has loaded.
      if server.state == .booting {
        for key in server.heldKeys { copies[key] += 1 }
      }
    }
    return loads.indices.map { copies[$0] == 0 ? .infinity : loads[$0] / Double(copies[$0]) }
  }

  /// What another server should hold: of every layer as many of the experts with the most expected
  /// tokens a replica, equal ones by number.
  func bestReplicas() -> [Int] {
    let shares = loadsPerReplica()
    var best: [Int] = []
    var rest: [Int] = []
    for layer in 0..<setup.layers {
      let keys = (layer * setup.experts..<(layer + 1) * setup.experts).sorted {
        (shares[$1], $0) < (shares[$0], $1)
      }
      best += keys.prefix(setup.capacity / setup.layers)
      rest += keys.dropFirst(setup.capacity / setup.layers)
    }
    let room = setup.capacity - best.count
    return best + rest.sorted { (shares[$1], $0) < (shares[$0], $1) }.prefix(room)
  }

  /// The servers that came last are asked no more, and leave when they have answered: so many of
  /// those behind the core, as long as others hold all their experts.
  private mutating func sendAway(_ count: Int) {
    var left = count
    for server in servers.indices.reversed() where left > 0 && server >= setup.core {
      // One that loads may be the only one to hold what it loads.
      guard servers[server].state == .serving, servers[server].loads.isEmpty,
        servers[server].loading == nil,
        servers[server].heldKeys.allSatisfy({ key in
          register.holders[key] != [server]
        })
      else { continue }
      register.strike(server)
      servers[server].state = .draining
      leaveIfDone(server)
      left -= 1
    }
  }

  /// A server that is asked no more leaves when it has answered everything.
  mutating func leaveIfDone(_ server: Int) {
    guard servers[server].state == .draining, servers[server].outstanding == 0 else { return }
    servers[server].end(at: clock)
  }

  /// Servers behind the core exchange replicas within a layer where the one that comes has more
  /// expected tokens a replica, by a factor, than the one that goes would leave to others; as many as
  /// half a window has time to load.
  private mutating func exchangeReplicas(_ provisioning: Provisioning) {
    guard let loads = knowledge?.expectedLoads else { return }
    let most = Int(provisioning.windowSeconds / 2 / setup.loadSeconds)
    for server in servers.indices.dropFirst(setup.core)
    where servers[server].state == .serving && servers[server].loads.isEmpty {
      var offers: [(gain: Double, key: Int, replaces: Int)] = []
      for layer in 0..<setup.layers {
        if let offer = offer(to: server, layer: layer, loads) { offers.append(offer) }
      }
      offers.sort { ($1.gain, $0.key) < ($0.gain, $1.key) }
      for offer in offers.prefix(most) { load(offer.key, at: server, replacing: offer.replaces) }
    }
  }

  /// The best exchange of a layer at a server; nil where none pays.
  private func offer(
    to server: Int, layer: Int, _ loads: [Double]
  ) -> (gain: Double, key: Int, replaces: Int)? {
    var coming: (share: Double, key: Int)?
    var going: (share: Double, key: Int)?
    for key in layer * setup.experts..<(layer + 1) * setup.experts {
      let holders = register.holders[key]
      if holders.contains(server) {
        guard holders.count > 1 else { continue }
        let share = loads[key] / Double(holders.count - 1)
        if share < going?.share ?? .infinity { going = (share, key) }
      } else if !holders.isEmpty, !servers[server].has(key) {
        let share = loads[key] / Double(holders.count)
        if share > coming?.share ?? 0 { coming = (share, key) }
      }
    }
    guard let coming, let going, coming.share > Provisioning.exchangeFactor * going.share else {
      return nil
    }
    return (coming.share - going.share, coming.key, going.key)
  }
}
