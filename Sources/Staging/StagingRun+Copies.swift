import RoutingTrace

/// Turning forecasts into transfers, and moving them.
extension StagingRun {
  private var options: StagingOptions { setup.options }
  private var fabric: Fabric { setup.fabric }

  // MARK: Token forecasts

  /// Renews the layer's proposals for the next step: cancels what is not proposed any more, values
  /// what is there, orders what is missing.
  ///
  /// - Parameter busy: What the layer's demand leaves of memories; copies made at once are added.
  /// - Returns: Copies made at once of weights that were just read from elsewhere.
  mutating func stageTokens(
    step: Int, layer: Int, holders: Holders, missed: [ExpertTask], _ busy: inout BusyTimes,
    _ ordinal: Int
  ) -> [ExpertCopy] {
    guard stores.contains(where: { $0.slots > 0 }) else { return [] }
    let expected = forecast.nextStep(layer: layer)
    var coming = holders
    for transfer in queue.transfers
    where transfer.target == .copy && transfer.key / shape.experts == layer {
      coming.add(die: transfer.die, expert: transfer.key % shape.experts)
    }
    let proposals = planner.proposals(
      expected: expected, holders: coming,
      hasRoom: { stores[$0].slots > 0 && queue.waiting(at: $0) < options.queueLimit },
      plan: plan)
    revalue(proposals, expected: expected, layer: layer, ordinal)
    cancel(proposals, layer: layer)
    let fills = fill(missed, expected: expected, layer: layer, &busy, step, ordinal)
    if options.stagesTokens {
      for proposal in proposals where !proposal.isHeld {
        order(proposal, key: key(layer, proposal.expert), holders: holders, step: step)
      }
    }
    report.fills += fills.count
    return fills
  }

  /// Whether forecasts have saved enough to risk `seconds`; where nothing is held back, always.
  private func mayRisk(_ seconds: Double) -> Bool { plain == nil || ledger.affords(seconds) }

  /// What displaced copies may cost: what forecasts push out comes back when it is read, so a read
  /// each.
  func secondsDisplaced(in plain: BaselineLayer) -> Double {
    var seconds = 0.0
    for (die, store) in plain.stores.enumerated() {
      for copy in store.copies where !stores[die].holds(copy.key) {
        seconds += waySeconds(from: homes[copy.key % shape.experts], to: die)
      }
    }
    return seconds
  }

  /// Takes back every transfer if the wait for one chunk is more than may be risked.
  mutating func cancelWhatCostsTooMuch() {
    let wait = queue.transfers.map(chunkWait).max() ?? 0
    guard !mayRisk(wait) else { return }
    for transfer in queue.take(where: { _ in true }) { takeBack(transfer) }
  }

  /// Puts what a transfer has brought whole where it belongs.
  mutating func takeIn(_ transfer: Transfer, _ step: Int, _ ordinal: Int) {
    switch transfer.target {
    case .buffer: buffered.append(transfer)
    case .copy:
      if !admit(
        transfer.key, die: transfer.die, value: transfer.value, isFresh: true, step, ordinal)
      {
        settle(transfer, used: false)
      }
    }
  }

  /// Keeps what a die just read from elsewhere, where the policy wants it and, with hold-back, the
  /// die's memory is idle long enough to write it.
  private mutating func fill(
    _ missed: [ExpertTask], expected: [Double], layer: Int, _ busy: inout BusyTimes, _ step: Int,
    _ ordinal: Int
  ) -> [ExpertCopy] {
    let write = setup.expert.weightBytes / fabric.hardware.hbmBandwidth
    var wanted = missed.map { task in
      // Algorithm 1 would read it from elsewhere again.
      let way = waySeconds(from: Int(task.source), to: Int(task.die))
      return (task: task, value: planner.chance(expected[Int(task.expert)]) * way)
    }
    if options.eviction == .leastExpected {
      wanted = wanted.filter { $0.value > 0 }.sorted {
        ($1.value, $0.task.die, $0.task.expert) < ($0.value, $1.task.die, $1.task.expert)
      }
    }
    var fills: [ExpertCopy] = []
    let longest = busy.longest
    for (task, value) in wanted {
      let die = Int(task.die)
      if options.holdsBack, busy.memory[die] + write > longest { continue }
      let key = key(layer, Int(task.expert))
      if admit(key, die: die, value: value, isFresh: false, step, ordinal) {
        busy.memory[die] += write
        fills.append(ExpertCopy(die: die, expert: Int(task.expert)))
      }
    }
    return fills
  }

  /// Gives the layer's copies the worth that the forecast sees in them now.
  private mutating func revalue(
    _ proposals: [CopyProposal], expected: [Double], layer: Int, _ ordinal: Int
  ) {
    let read = setup.expert.weightBytes / fabric.hardware.hbmBandwidth
    for die in stores.indices {
      for copy in stores[die].copies where copy.key / shape.experts == layer {
        // Not part of the forecast's plan. Plans change with every request, so what has served
        // will serve again: it is worth its way as often as it was read.
        let chance = planner.chance(expected[copy.key % shape.experts])
        let steps = (ordinal - copy.arrived) / shape.layers
        let rate = Double(copy.uses) / Double(steps + 1)
        let way = waySeconds(from: homes[copy.key % shape.experts], to: die)
        stores[die].setValue(chance * (1e-3 * read + 0.8 * rate * way), of: copy.key)
      }
    }
    for proposal in proposals {
      stores[proposal.die].setValue(proposal.seconds, of: key(layer, proposal.expert))
      queue.setValue(proposal.seconds, key: key(layer, proposal.expert), die: proposal.die)
    }
  }

  private mutating func cancel(_ proposals: [CopyProposal], layer: Int) {
    let wanted = Set(proposals.map { $0.die * shape.experts + $0.expert })
    let experts = shape.experts
    let unwanted = queue.take {
      $0.target == .copy && $0.key / experts == layer
        && !wanted.contains($0.die * experts + $0.key % experts)
    }
    for transfer in unwanted { takeBack(transfer) }
  }

  /// Queues a transfer for a proposal if it promises more than it costs.
  private mutating func order(
    _ proposal: CopyProposal, key: Int, holders: Holders, step: Int
  ) {
    guard queue.waiting(at: proposal.die) < options.queueLimit, stores[proposal.die].slots > 0,
      !queue.contains(key, die: proposal.die, target: .copy), !stores[proposal.die].holds(key)
    else { return }
    let source = nearestHolder(holders.of[proposal.expert], to: proposal.die)
    if options.holdsBack {
      let trust = copyTrust.share
      let cost = transferCost(from: source, to: proposal.die, chunks: chunks)
      guard trust * proposal.seconds > cost, mayRisk(cost) else { return }
      // What would have to leave must be expected to serve less.
      if options.eviction != .belady,
        let victim = stores[proposal.die].victim(options.eviction, nextUse: { _ in 0 }),
        trust * proposal.seconds <= victim.value
      {
        return
      }
    }
    queue.add(
      Transfer(
        key: key, source: source, die: proposal.die, target: .copy, chunks: chunks,
        value: proposal.seconds))
  }

  /// What a transfer costs the demand beside it: a chunk's wait in every layer that it lasts.
  private func transferCost(from source: Int, to die: Int, chunks: Int) -> Double {
    let chunk = chunkSeconds(from: source, to: die)
    let seconds = chunk * Double(chunks)
    let layers = lastLayerSeconds > 0 ? (seconds / lastLayerSeconds).rounded(.up) : 1
    return chunk * max(1, layers)
  }

  private func chunkSeconds(from source: Int, to die: Int) -> Double {
    fabric.slowestSeconds(chunkBytes, from: source, to: die)
  }

  /// Seconds that reading a whole expert alone takes from its first command on.
  private func waySeconds(from source: Int, to die: Int) -> Double {
    chunkSeconds(from: source, to: die) * Double(chunks)
      + 2 * fabric.wayLatency[source * fabric.nodes + die] + fabric.memoryLatency[source]
      + fabric.hardware.llcMiss
  }

  /// What one chunk of a transfer may cost demand: by the bound engine the slowest part of its way, by
  /// the event engine, where it may be met at every part, their sum.
  private func chunkWait(_ transfer: Transfer) -> Double {
    let (source, die) = (transfer.source, transfer.die)
    guard case .event = setup.engine else { return chunkSeconds(from: source, to: die) }
    let way = fabric.way(from: source, to: die)
    return chunkBytes / fabric.memoryBandwidth[source] + chunkBytes / fabric.memoryBandwidth[die]
      + way.reduce(0) { $0 + chunkBytes / fabric.linkBandwidth[Int($1)] }
  }

  private func nearestHolder(_ holding: [Int], to die: Int) -> Int {
    holding.min {
      (fabric.hops[$0 * fabric.nodes + die], $0) < (fabric.hops[$1 * fabric.nodes + die], $1)
    } ?? die
  }

  /// Puts a copy into a die's store, evicting by policy.
  ///
  /// - Returns: Whether the copy is in.
  private mutating func admit(
    _ key: Int, die: Int, value: Double, isFresh: Bool, _ step: Int, _ ordinal: Int
  ) -> Bool {
    guard stores[die].slots > 0, !stores[die].holds(key) else { return false }
    let experts = shape.experts
    let schedule = schedule
    // A layer that this step has yet to reach asks again within it.
    let layerNow = ordinal % shape.layers
    func nextUse(_ key: Int) -> Int {
      let layer = key / experts
      let after = layer > layerNow ? step - 1 : step
      let next = schedule.nextUse(of: key % experts, layer: layer, after: after)
      return next == .max ? next : next * shape.layers + layer
    }
    let way = waySeconds(from: homes[key % experts], to: die)
    let mayDisplace = mayRisk(displacedSeconds + way)
    let plainStore = plain?.stores[die]
    let returns = plainStore.map { $0.holds(key) } ?? false
    if let victim = stores[die].victim(
      options.eviction, sparing: mayDisplace && !returns ? nil : plainStore, nextUse: nextUse)
    {
      let displaces = plainStore.map { $0.holds(victim.key) } ?? false
      if displaces, isFresh, !mayDisplace { return false }
      switch options.eviction {
      case .leastExpected:
        // Equals must not take turns: every change costs a read and a write.
        if value <= victim.value * (options.holdsBack ? 1.25 : 1) { return false }
      case .belady: if !returns, nextUse(key) >= nextUse(victim.key) { return false }
      case .leastRecent, .leastFrequent: break
      }
      stores[die].remove(victim.key)
      if victim.isFresh { settle(.copy, used: false, bytes: setup.expert.weightBytes) }
      if displaces { displacedSeconds += waySeconds(from: homes[victim.key % experts], to: die) }
    }
    if returns { displacedSeconds -= way }
    stores[die].add(
      CopyStore.Copy(
        key: key, lastUse: ordinal, arrived: ordinal, value: value, isFresh: isFresh))
    return true
  }

  // MARK: Layer forecasts

  /// Orders weights of the next layers into the staging buffers of the dies that would compute them.
  mutating func stageLayers(step: Int, after layer: Int) {
    guard options.horizon > 0, bufferChunks > 0 else { return }
    let last = min(shape.layers - 1, layer + options.horizon)
    guard layer < last else { return }
    for ahead in layer + 1...last {
      let expected = forecast.laterLayer(ahead, observed: layer)
      let counts = expected.map { Int($0.rounded()) }
      guard counts.contains(where: { $0 > 0 }) else { continue }
      let target = Transfer.Target.buffer(ordinal: step * shape.layers + ahead)
      let plan = plan(counts, holders(layer: ahead))
      var busy = BusyTimes(fabric)
      for task in plan {
        busy.compute(task, setup.expert)
        busy.read(setup.expert.weightBytes, from: Int(task.source), to: Int(task.die))
      }
      // Where the layer would end last, an early chunk is worth most.
      let order = plan.sorted { first, second in
        let (a, b) = (Int(first.die), Int(second.die))
        let (x, y) = (max(busy.memory[a], busy.compute[a]), max(busy.memory[b], busy.compute[b]))
        let (remoteA, remoteB) = (first.source != first.die, second.source != second.die)
        return (y, remoteA ? 0 : 1, first.expert) < (x, remoteB ? 0 : 1, second.expert)
      }
      for task in order { stage(task, ahead, target, longest: busy.longest, expected) }
    }
  }

  private mutating func stage(
    _ task: ExpertTask, _ layer: Int, _ target: Transfer.Target, longest: Double,
    _ expected: [Double]
  ) {
    let die = Int(task.die)
    if buffersInHBM, task.source == task.die { return }
    let key = key(layer, Int(task.expert))
    var taken = 0
    for transfers in [buffered, queue.transfers] {
      for transfer in transfers where transfer.die == die && transfer.target != .copy {
        if transfer.key == key, transfer.target == target { return }
        taken += transfer.chunks
      }
    }
    let fitting = min(chunks, bufferChunks - taken)
    guard fitting > 0 else { return }
    let source = Int(task.source)
    let seconds = chunkSeconds(from: source, to: die) * Double(fitting)
    let value = planner.chance(expected[Int(task.expert)]) * seconds
    if options.holdsBack {
      let cost = transferCost(from: source, to: die, chunks: fitting)
      guard bufferTrust.share * value > cost, mayRisk(cost) else { return }
    }
    queue.add(
      Transfer(
        key: key, source: source, die: die, target: target, chunks: fitting, value: value))
  }

  // MARK: Moving

  /// Lets transfers use what the layer's demand left idle, and takes in what has arrived.
  mutating func moveTransfers(
    during seconds: Double, _ busy: BusyTimes, _ step: Int, _ ordinal: Int
  ) {
    cancelWhatCostsTooMuch()
    var idleMemory = busy.memory.map { max(0, seconds - $0) * options.bandwidthShare }
    var idleLink = busy.link.map { max(0, seconds - $0) * options.bandwidthShare }
    let (completed, moved) = queue.advance(idleMemory: &idleMemory, idleLink: &idleLink)
    report.bytesMoved += Double(moved) * chunkBytes
    for transfer in completed { takeIn(transfer, step, ordinal) }
    // The next layer begins: what has reached its buffers is there, the rest of that order lapses.
    let next = Transfer.Target.buffer(ordinal: ordinal + 1)
    for transfer in queue.take(where: { $0.target == next }) {
      if transfer.done > 0 { buffered.append(transfer) } else { report.cancelled += 1 }
    }
    pendingPreemption =
      moved > 0
      ? queue.transfers.filter { $0.done > 0 }.map {
        chunkSeconds(from: $0.source, to: $0.die)
      }.max() ?? 0 : 0
  }
}
