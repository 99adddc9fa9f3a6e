import Wafer

/// Layers of a staged run executed by the event engine, transfers beside the demand.
extension StagingRun {
  /// What a plan's reads begin with.
  struct BegunReads {
    /// By task: what has been brought.
    var attached: [TransferTraffic.Attached] = []
    /// Transfers that go on bringing what the layer itself reads.
    var moving: [Transfer] = []
  }

  /// Takes from queue and buffers what belongs to the layer's tasks, and counts its local reads.
  mutating func begin(_ plan: [ExpertTask], at turn: Turn) -> BegunReads {
    let target = Transfer.Target.buffer(turn: turn.number)
    var begun = BegunReads()
    for task in plan {
      let key = key(task, at: turn)
      let isLocal = task.source == task.die
      var entry = TransferTraffic.Attached(die: key.die)
      if let transfer = takeBuffered(key, at: turn) {
        entry.before = transfer.done
        entry.isInHBM = transfers.buffersInHBM
      }
      let underWay = transfers.queue.take {
        $0.key == key && ($0.target == target || !isLocal && $0.target == .copy)
      }.sorted { $0.done > $1.done }
      for (rank, transfer) in underWay.enumerated() {
        if rank == 0 {
          entry.moving = begun.moving.count
          entry.isInHBM =
            entry.isInHBM || transfer.target == .copy || transfers.buffersInHBM
          begun.moving.append(transfer)
        } else {
          // Two transfers may bring the same expert, one to keep and one to use: one will do.
          accounts.end(transfer, wasUsed: false)
        }
      }
      begun.attached.append(entry)
      if isLocal { accounts.countLocal(isFresh: copies.use(key, at: turn), on: key.die) }
    }
    retireBuffers(of: turn)
    for transfer in transfers.queue.take(where: { $0.target == target }) {
      accounts.end(transfer, wasUsed: false)
    }
    return begun
  }

  /// Runs the plan's chunks with those of transfers beside them.
  mutating func execute(
    _ engine: EventEngine, _ plan: [ExpertTask], fills: [ExpertCopy], _ begun: BegunReads,
    at turn: Turn
  ) -> LayerResult {
    let fabric = setup.fabric
    guard !plan.isEmpty else {
      return LayerResult(tasks: plan, copies: fills.count, on: fabric)
    }
    transfers.queue.sort()
    let waiting = transfers.queue.take { _ in true }
    var traffic = TransferTraffic(
      begun.moving + waiting, attached: begun.attached, remains: transfers.remains,
      chunkBytes: costs.chunkBytes, buffersInHBM: transfers.buffersInHBM,
      share: setup.options.bandwidthShare, gapSeconds: setup.options.gapSeconds, on: fabric)
    let result = engine.run(
      plan, copies: fills, expert: setup.expert, on: fabric,
      llcBytes: fabric.hardware.llcCapacity - reservedLLC(begun.attached), beside: &traffic)
    transfers.remains = traffic.remains
    accounts.countMoved(traffic.arrivals)
    count(plan, traffic)
    for index in begun.moving.indices {
      let served = traffic.attached.contains {
        $0.moving == index && $0.found + $0.waited > $0.before
      }
      accounts.end(traffic.moving[index].transfer, wasUsed: served)
    }
    for index in traffic.completed where index >= begun.moving.count {
      takeIn(traffic.moving[index].transfer, at: turn)
    }
    for moving in traffic.moving[begun.moving.count...] where !moving.transfer.isComplete {
      transfers.queue.add(moving.transfer)
    }
    return result
  }

  /// Bytes of the LLC that what the fullest staging buffer holds takes from demand.
  private func reservedLLC(_ attached: [TransferTraffic.Attached]) -> Double {
    guard !transfers.buffersInHBM else { return 0 }
    var taken = Array(repeating: 0, count: setup.fabric.dies)
    for transfer in transfers.buffered { taken[transfer.die] += transfer.chunks }
    for entry in attached { taken[entry.die] += entry.before }
    return min(Double(taken.max() ?? 0) * costs.chunkBytes, setup.fabric.hardware.llcCapacity)
  }

  /// Counts how the plan's reads were met, local ones only as far as they used the staging buffer.
  private mutating func count(_ plan: [ExpertTask], _ traffic: TransferTraffic) {
    for (task, entry) in zip(plan, traffic.attached) {
      if task.source == task.die {
        accounts.countBuffered(entry.found + entry.waited)
      } else if entry.found == costs.chunks {
        accounts.count(.onTime, on: Int(task.die))
      } else if entry.found + entry.waited > 0 {
        accounts.count(.late(seconds: entry.lateSeconds), on: Int(task.die))
      } else {
        accounts.count(.onDemand, on: Int(task.die))
      }
    }
  }
}
