import Demand
import Wafer

/// Token forecasts: which copies the next step would want, and the transfers that bring them.
extension StagingRun {
  private var options: StagingOptions { setup.options }

  /// Renews the layer's proposals for the next step: cancels what is not proposed any more, values
  /// what is there, orders what is missing.
  ///
  /// - Parameters:
  ///   - expected: Requests of every expert that the next step is expected to make.
  ///   - missed: Tasks that read from elsewhere.
  ///   - holders: Who holds each expert of the layer now.
  ///   - busy: What the layer's demand asks of memories; copies made at once are added.
  /// - Returns: Copies made at once of weights that were just read from elsewhere.
  mutating func stageCopies(
    _ expected: [Double], missed: [ExpertTask], holders: Holders, _ busy: inout BusyTimes,
    at turn: Turn, sharing plans: inout PlanBook
  ) -> [ExpertCopy] {
    guard copies.areAllowed else { return [] }
    let (layer, planner) = (turn.layer, planner)
    var coming = holders
    for transfer in transfers.queue.transfers
    where transfer.target == .copy && transfer.key.expert.layer == layer {
      coming.add(die: transfer.die, expert: transfer.key.expert.expert)
    }
    let proposals = planner.proposals(
      expected: expected, holders: coming, hasRoom: mayWait
    ) { plans.plan($0, $1) }
    copies.revalue(proposals, layer: layer, at: turn) { planner.chance(expected[$0]) }
    for proposal in proposals {
      transfers.queue.setValue(proposal.seconds, of: key(proposal.copy, layer))
    }
    cancel(proposals, layer: layer)
    let fills = fill(missed, expected: expected, &busy, at: turn)
    if options.stagesTokens {
      for proposal in proposals where !proposal.isHeld {
        order(proposal, layer: layer, holders: holders)
      }
    }
    accounts.report.fills += fills.count
    return fills
  }

  private func key(_ copy: ExpertCopy, _ layer: Int) -> CopyKey {
    CopyKey(ExpertKey(layer: layer, expert: copy.expert), on: copy.die)
  }

  /// Whether a die has places for copies and one more transfer may wait there.
  private func mayWait(at die: Int) -> Bool {
    transfers.queue.waiting(at: die) < options.queueLimit && copies.stores[die].slots > 0
  }

  /// Takes back the transfers of copies that are not proposed any more.
  private mutating func cancel(_ proposals: [CopyProposal], layer: Int) {
    let wanted = Set(proposals.map(\.copy))
    let unwanted = transfers.queue.take {
      $0.target == .copy && $0.key.expert.layer == layer
        && !wanted.contains(ExpertCopy(die: $0.die, expert: $0.key.expert.expert))
    }
    for transfer in unwanted { accounts.takeBack(transfer) }
  }

  /// Keeps what a die just read from elsewhere, where the policy wants it and, with hold-back, the
  /// die's memory is idle long enough to write it.
  private mutating func fill(
    _ missed: [ExpertTask], expected: [Double], _ busy: inout BusyTimes, at turn: Turn
  ) -> [ExpertCopy] {
    let write = setup.fabric.hardware.writeSeconds(setup.expert)
    var wanted = missed.map { task in
      // Algorithm 1 would read it from elsewhere again.
      let way = costs.readSeconds(from: Int(task.source), to: Int(task.die))
      return (task: task, value: planner.chance(expected[Int(task.expert)]) * way)
    }
    if eviction == .leastExpected {
      wanted = wanted.filter {
        $0.value > 0 || copies.baselineHolds(key($0.task, at: turn))
      }.sorted {
        ($1.value, $0.task.die, $0.task.expert) < ($0.value, $1.task.die, $1.task.expert)
      }
    }
    var fills: [ExpertCopy] = []
    let longest = busy.longest
    for (task, value) in wanted {
      let key = key(task, at: turn)
      if options.holdsBack, busy.memory[key.die] + write > longest { continue }
      if admit(key, value: value, isFresh: false, at: turn) {
        busy.writeCopy(at: key.die)
        fills.append(ExpertCopy(die: key.die, expert: key.expert.expert))
      }
    }
    return fills
  }

  /// Queues a transfer for a proposal if it promises more than it costs.
  private mutating func order(_ proposal: CopyProposal, layer: Int, holders: Holders) {
    let key = key(proposal.copy, layer)
    guard mayWait(at: key.die), !transfers.queue.contains(key, .copy),
      !copies.stores[key.die].holds(key.expert)
    else { return }
    let source =
      setup.fabric.nearest(of: holders[key.expert.expert], to: key.die) ?? key.die
    if options.holdsBack {
      let trust = accounts.trust(in: .copy)
      let cost = costs.costToDemand(
        costs.chunks, from: source, to: key.die, period: last.period)
      guard trust * proposal.seconds > cost, accounts.mayRisk(cost) else { return }
      // What would have to leave must be expected to serve less.
      if eviction != .belady, let victim = copies.victim(on: key.die),
        trust * proposal.seconds <= victim.value
      {
        return
      }
    }
    transfers.queue.add(
      Transfer(key, from: source, to: .copy, chunks: costs.chunks, value: proposal.seconds))
  }
}
