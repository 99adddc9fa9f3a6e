import Demand
import RoutingTrace
import Wafer

/// Choices on their way from clients to servers and back.
extension ServiceRun {
  /// A client asks for the experts of its layer.
  mutating func ask(_ client: Int) {
    let layer = clients[client].layer
    let topK = setup.pool.shape.topK
    let chosen = setup.pool.chosen(by: clients[client].tokens, layer: layer)
    knowledge?.note(chosen, layer: layer)
    var counts = Array(repeating: 0, count: setup.experts)
    var all = 0
    for id in chosen where Int(id) < setup.experts {
      counts[Int(id)] += 1
      all += 1
    }
    result.choices.asked += all
    clients[client].call += 1
    clients[client].unanswered = all
    clients[client].callBegan = clock
    guard all > 0 else {
      endCall(client)
      return
    }
    let wanted = counts.indices.compactMap { counts[$0] > 0 ? ($0, counts[$0]) : nil }
    for (expert, tokens) in wanted {
      ledger?.ask(tokens, .init(client: client, call: clients[client].call, expert: expert))
    }
    let (shares, serverOf) = deal(wanted, of: client, layer: layer, but: nil)
    // Tokens travel once to a server, however many of its experts they chose.
    var rows = Array(repeating: 0, count: servers.count)
    var lastToken = Array(repeating: -1, count: servers.count)
    for (slot, id) in chosen.enumerated() where Int(id) < setup.experts {
      let server = serverOf[Int(id)]
      guard server >= 0, lastToken[server] != slot / topK else { continue }
      lastToken[server] = slot / topK
      rows[server] += 1
    }
    for (server, experts) in shares.enumerated() where !experts.isEmpty {
      send(experts, of: client, layer: layer, to: server, rows: rows[server])
    }
    expectAnswers(client)
  }

  /// Shares a layer's experts among the servers that hold them, those with one holder first, then
  /// each to the holder with the fewest of them so far; what nobody holds is parked.
  ///
  /// - Parameter but: A server that shall not be asked if another can be.
  /// - Returns: By server: its experts; and by expert its server, -1 for none.
  private mutating func deal(
    _ wanted: [(expert: Int, tokens: Int)], of client: Int, layer: Int, but: Int?
  ) -> (shares: [[(expert: Int, tokens: Int)]], serverOf: [Int]) {
    var shares: [[(expert: Int, tokens: Int)]] = Array(repeating: [], count: servers.count)
    var serverOf = Array(repeating: -1, count: setup.experts)
    let suspects = clients[client].suspects
    let trustsAll = suspects.isEmpty && but == nil
    var open: [(expert: Int, tokens: Int, holders: [Int])] = []
    for (expert, tokens) in wanted {
      let key = layer * setup.experts + expert
      var holders = register.holders[key]
      if !trustsAll {
        let trusted = holders.filter { $0 != but && !suspects.contains($0) }
        // Whoever else is left may be slow and not lost.
        if !trusted.isEmpty { holders = trusted }
      }
      switch holders.count {
      case 0:
        parked[key, default: []].append(Parked(client: client, tokens: tokens))
        result.choices.parked += tokens
      case 1:
        shares[holders[0]].append((expert, tokens))
        serverOf[expert] = holders[0]
      default: open.append((expert, tokens, holders))
      }
    }
    for (expert, tokens, holders) in open {
      var best = holders[(client + layer) % holders.count]
      for server in holders where shares[server].count < shares[best].count { best = server }
      shares[best].append((expert, tokens))
      serverOf[expert] = best
    }
    return (shares, serverOf)
  }

  /// Sends tokens for experts to a server.
  private mutating func send(
    _ experts: [(expert: Int, tokens: Int)], of client: Int, layer: Int, to server: Int, rows: Int
  ) {
    let message = messages.insert(
      ServiceMessage(
        client: client, server: server, layer: layer, experts: experts, rows: rows,
        due: clock + setup.options.timeoutSeconds, patience: setup.options.timeoutSeconds))
    clients[client].open.append(message)
    servers[server].outstanding += 1
    result.messages.sent += 1
    let there = setup.arrival(
      Double(rows) * setup.tokenBytes, at: clock, out: &clients[client].out,
      into: &servers[server].into)
    events.insert(.arrived(message), at: there)
  }

  /// Looks after what was sent now when the client loses patience.
  private mutating func expectAnswers(_ client: Int) {
    events.insert(
      .overdue(client: client, call: clients[client].call),
      at: clock + setup.options.timeoutSeconds)
  }

  /// A message is at its server.
  mutating func receive(_ number: Int) {
    guard let message = messages[number] else { return }
    guard servers[message.server].isThere else {
      loseMessage(number)
      return
    }
    servers[message.server].waiting.append(number)
    beginService(message.server)
  }

  /// A message ends with its server; the client will notice in time.
  mutating func loseMessage(_ number: Int) {
    guard messages[number] != nil else { return }
    result.messages.lost += 1
    // The client keeps it open until it loses patience, so its number is not free yet.
    messages[number]?.isAlive = false
    if messages[number]?.isOpen == false { _ = messages.remove(number) }
  }

  /// Builds a batch of all that waits for the layer of the message that came first.
  mutating func beginService(_ server: Int) {
    guard servers[server].isThere, servers[server].inService.isEmpty else { return }
    while let first = servers[server].waiting.first, let layer = messages[first]?.layer {
      var (batch, others): ([Int], [Int]) = ([], [])
      var tokens = Array(repeating: 0, count: setup.experts)
      for number in servers[server].waiting {
        guard let message = messages[number], message.layer == layer else {
          others.append(number)
          continue
        }
        let isHeld = message.experts.allSatisfy {
          servers[server].holds[layer * setup.experts + $0.expert]
        }
        guard isHeld else {
          events.insert(.refused(number), at: clock + 2 * setup.fabric.hardware.linkLatency)
          continue
        }
        batch.append(number)
        for (expert, count) in message.experts { tokens[expert] += count }
      }
      servers[server].waiting = others
      guard !batch.isEmpty else { continue }
      let seconds = setup.serviceSeconds(tokens)
      servers[server].inService = batch
      servers[server].servedAt = clock + seconds
      servers[server].busySeconds += seconds
      events.insert(.served(server), at: clock + seconds)
      return
    }
  }

  /// A server sends the answers of its batch, and goes on.
  mutating func answer(from server: Int) {
    let batch = servers[server].inService
    guard servers[server].isThere, !batch.isEmpty else { return }
    servers[server].inService = []
    for number in batch {
      guard let message = messages[number] else { continue }
      let there = setup.arrival(
        Double(message.rows) * setup.tokenBytes, at: clock, out: &servers[server].out,
        into: &clients[message.client].into)
      events.insert(.answered(number), at: there)
    }
    beginService(server)
  }

  /// A client hears an answer: heeded if it still waits for it, thrown away if it asked another.
  mutating func hear(_ number: Int) {
    guard let message = messages.remove(number) else { return }
    let client = message.client
    servers[message.server].outstanding -= 1
    clients[client].suspects.remove(message.server)
    if message.isOpen {
      result.messages.heeded += 1
      result.choices.answered += message.choices
      for (expert, tokens) in message.experts {
        ledger?.answer(tokens, .init(client: client, call: clients[client].call, expert: expert))
      }
      clients[client].open.removeAll { $0 == number }
      clients[client].unanswered -= message.choices
      if clients[client].unanswered == 0 { endCall(client) }
    } else {
      result.messages.ignored += 1
    }
    leaveIfDone(message.server)
  }

  /// A server has not the expert any more.
  mutating func hearRefusal(_ number: Int) {
    guard let message = messages.remove(number) else { return }
    result.messages.refused += 1
    servers[message.server].outstanding -= 1
    clients[message.client].suspects.remove(message.server)
    if message.isOpen {
      clients[message.client].open.removeAll { $0 == number }
      askAgain(message)
    }
    leaveIfDone(message.server)
  }

  /// All experts of a layer have answered.
  private mutating func endCall(_ client: Int) {
    clients[client].waitingSeconds += clock - clients[client].callBegan
    clients[client].layer += 1
    if clients[client].layer < setup.layers { attend(client) } else { endStep(client) }
  }

  /// A client loses patience with the messages that are due: it asks others for their experts, or
  /// waits on where there is nobody else.
  mutating func lookAfter(_ client: Int, _ call: Int) {
    guard clients[client].call == call else { return }
    var next: Double?
    for number in clients[client].open {
      guard let message = messages[number], message.due <= clock else { continue }
      result.messages.timedOut += 1
      clients[client].suspects.insert(message.server)
      let suspects = clients[client].suspects
      let canAskOthers = message.experts.allSatisfy {
        let holders = register.holders[message.layer * setup.experts + $0.expert]
        return !holders.contains(message.server) || holders.contains { !suspects.contains($0) }
      }
      if canAskOthers {
        close(number)
        askAgain(message)
      } else {
        let wait = message.patience * 2
        messages[number]?.patience = wait
        messages[number]?.due = clock + wait
        next = min(next ?? .infinity, clock + wait)
      }
    }
    if let next { events.insert(.overdue(client: client, call: call), at: next) }
  }

  /// From now on the answer to a message will be thrown away.
  private mutating func close(_ number: Int) {
    guard let message = messages[number] else { return }
    clients[message.client].open.removeAll { $0 == number }
    messages[number]?.isOpen = false
    if !message.isAlive { _ = messages.remove(number) }
  }

  /// Asks other servers for the experts of a message that is closed.
  private mutating func askAgain(_ message: ServiceMessage) {
    let client = message.client
    result.choices.askedAgain += message.choices
    let (shares, _) = deal(
      message.experts, of: client, layer: message.layer, but: message.server)
    for (server, experts) in shares.enumerated() where !experts.isEmpty {
      let choices = experts.reduce(0) { $0 + $1.tokens }
      send(
        experts, of: client, layer: message.layer, to: server, rows: min(message.rows, choices))
    }
    if shares.contains(where: { !$0.isEmpty }) { expectAnswers(client) }
  }

  /// A server holds an expert from now on: those who waited for it ask.
  mutating func announce(_ key: Int, at server: Int) {
    register.register(server, for: key)
    for waiting in parked.removeValue(forKey: key) ?? [] {
      send(
        [(key % setup.experts, waiting.tokens)], of: waiting.client, layer: key / setup.experts,
        to: server, rows: waiting.tokens)
      expectAnswers(waiting.client)
    }
  }
}
