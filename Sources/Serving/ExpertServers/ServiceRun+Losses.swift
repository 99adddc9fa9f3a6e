import Wafer

/// Servers that are lost, and what takes their place.
extension ServiceRun {
  /// Servers that are paid for.
  private var present: Int { servers.count { $0.until == nil } }

  /// A server is lost with all that was sent to it; one that has left before cannot be.
  mutating func lose(_ server: Int) {
    guard servers[server].state != .gone else { return }
    let under = servers[server].waiting + servers[server].inService
    servers[server].end(at: clock)
    for message in under { loseMessage(message) }
    result.lost += 1
    events.insert(.noticed(server), at: clock + setup.options.detectionSeconds)
    if let seconds = losses.replacedAfter {
      events.insert(.replaced(server), at: clock + seconds)
    }
  }

  /// A loss is noticed: clients that wait for the server are told, and what it alone held is loaded
  /// by others.
  mutating func strikeOff(_ server: Int) {
    register.strike(server)
    // A server that boots does not count: it answers for nothing until it has loaded everything.
    for key in register.holders.indices where register.holders[key].isEmpty {
      let isComing = servers.contains { $0.state == .serving && $0.isLoading(key) }
      if !isComing, orphans.insert(key).inserted { result.orphaned += 1 }
    }
    for client in clients.indices {
      var isConcerned = false
      for message in clients[client].open where messages[message]?.server == server {
        messages[message]?.due = clock
        isConcerned = true
      }
      if isConcerned { lookAfter(client, clients[client].call) }
    }
    loadOrphans()
  }

  /// Gives every expert that nobody holds to a server that loads it: one with room, else one that has
  /// a replica to give up. Those that nobody has room for wait until somebody has.
  private mutating func loadOrphans() {
    for key in orphans.sorted() {
      guard let (server, replica) = roomForOrphan() else { return }
      load(key, at: server, replacing: replica)
      orphans.remove(key)
    }
  }

  /// A server with room for another expert, or with a replica to give up, that has the least to load;
  /// nil where there is none.
  private func roomForOrphan() -> (server: Int, replica: Int?)? {
    let order = servers.indices.filter { servers[$0].state == .serving }.sorted {
      (servers[$0].loads.count, $0) < (servers[$1].loads.count, $1)
    }
    if let server = order.first(where: { servers[$0].room > 0 }) { return (server, nil) }
    for server in order {
      if let replica = replica(at: server) { return (server, replica) }
    }
    return nil
  }

  /// The expert of a server that most others hold too; nil where it holds each alone.
  private func replica(at server: Int) -> Int? {
    var best: Int?
    for key in register.holders.indices
    where register.holders[key].count > (best.map { register.holders[$0].count } ?? 1)
      && register.holders[key].contains(server)
    {
      best = key
    }
    return best
  }

  /// A server is to load an expert, in the room of another that it answers for no more.
  mutating func load(_ key: Int, at server: Int, replacing replica: Int?) {
    if let replica { register.strike(server, for: replica) }
    servers[server].enqueue(.init(key: key, replaces: replica))
    beginLoad(server)
  }

  private mutating func beginLoad(_ server: Int) {
    if servers[server].beginLoad() {
      events.insert(.loaded(server), at: clock + setup.loadSeconds)
    }
  }

  /// A server has loaded an expert: it registers for it, or for all when its first ones are there.
  mutating func endLoad(_ server: Int) {
    guard servers[server].state != .gone, let key = servers[server].endLoad() else { return }
    result.loads += 1
    result.loadedBytes += setup.expert.weightBytes
    beginLoad(server)
    switch servers[server].state {
    case .booting where servers[server].loading == nil:
      servers[server].state = .serving
      for key in servers[server].heldKeys {
        orphans.remove(key)
        announce(key, at: server)
      }
    case .serving: announce(key, at: server)
    default: return
    }
    loadOrphans()
  }

  /// Another server comes, and loads experts before it registers.
  mutating func addServer(holding keys: [Int]) {
    servers.append(ExpertServer(keys: setup.keys, capacity: setup.capacity, since: clock))
    let server = servers.count - 1
    for key in keys { servers[server].enqueue(.init(key: key, replaces: nil)) }
    beginLoad(server)
    result.added += 1
    result.mostServers = max(result.mostServers, present)
  }
}
