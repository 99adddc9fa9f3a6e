import Wafer

/// Layers of a staged run timed by the bound engine's formula: reads are met by what has come, and
/// transfers move in the time that demand leaves idle.
extension StagingRun {
  /// Counts the reads of a plan and settles the transfers that served them.
  mutating func meet(_ plan: [ExpertTask], _ brought: BroughtChunks, at turn: Turn) {
    for task in plan { meet(task, brought, at: turn) }
    retireBuffers(of: turn)
  }

  /// Counts one read and settles the transfers that served it.
  private mutating func meet(_ task: ExpertTask, _ all: BroughtChunks, at turn: Turn) {
    let key = key(task, at: turn)
    let brought = chunks(of: task, all, at: turn)
    if brought.buffered > 0 { _ = takeBuffered(key, at: turn) }
    if task.source == task.die {
      accounts.countLocal(isFresh: copies.use(key, at: turn), on: key.die)
      accounts.countBuffered(brought.buffered)
      return
    }
    if all[key].copied != nil {
      for transfer in transfers.queue.take(where: { $0.key == key && $0.target == .copy }) {
        // What has come is used, the rest comes on demand, and the copy stays if it has room.
        accounts.end(transfer, wasUsed: true)
      }
    }
    if brought.all == costs.chunks {
      accounts.count(.onTime, on: key.die)
    } else if brought.all > 0 {
      let rest = costs.chunks - brought.all
      accounts.count(
        .late(seconds: costs.restSeconds(rest, from: Int(task.source), to: key.die)),
        on: key.die)
    } else {
      accounts.count(.onDemand, on: key.die)
    }
  }

  /// The layer by the formula, after the chunk on its way.
  mutating func time(
    _ plan: [ExpertTask], fills: [ExpertCopy], _ busy: BusyTimes
  ) -> LayerResult {
    var result = busy.result(of: plan, copies: fills.count)
    result.seconds += transfers.pendingPreemption
    accounts.report.preemptionSeconds += transfers.pendingPreemption
    return result
  }

  /// Lets transfers use what the layer's demand left idle, and takes in what has arrived.
  mutating func moveTransfers(during seconds: Double, _ busy: BusyTimes, at turn: Turn) {
    cancelWhatCostsTooMuch()
    let share = setup.options.bandwidthShare
    var idleMemory = busy.memory.map { max(0, seconds - $0) * share }
    var idleLink = busy.link.map { max(0, seconds - $0) * share }
    let (completed, moved) = transfers.queue.advance(
      idleMemory: &idleMemory, idleLink: &idleLink)
    accounts.countMoved(moved)
    for transfer in completed { takeIn(transfer, at: turn) }
    // The next layer begins: what has reached its buffers is there, the rest of that order lapses.
    let next = Transfer.Target.buffer(turn: turn.number + 1)
    for transfer in transfers.queue.take(where: { $0.target == next }) {
      if transfer.done > 0 {
        transfers.buffer(transfer)
      } else {
        accounts.report.cancelled += 1
      }
    }
    transfers.pendingPreemption =
      moved > 0
      ? transfers.queue.transfers.filter { $0.done > 0 }.map {
        costs.chunkSeconds(from: $0.source, to: $0.die)
      }.max() ?? 0 : 0
  }
}
