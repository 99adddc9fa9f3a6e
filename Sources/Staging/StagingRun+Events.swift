/// Layers of a staged run executed by the event engine.
extension StagingRun {
  /// Takes from queue and buffers what belongs to the layer's tasks, and counts its local reads.
  ///
  /// - Returns: What was brought for each task, and the transfers that go on bringing.
  mutating func attach(
    _ plan: [ExpertTask], layer: Int, ordinal: Int
  ) -> (attached: [TransferTraffic.Attached], moving: [Transfer]) {
    let target = Transfer.Target.buffer(ordinal: ordinal)
    var moving: [Transfer] = []
    var attached: [TransferTraffic.Attached] = []
    for task in plan {
      let (key, die) = (key(layer, Int(task.expert)), Int(task.die))
      let isLocal = task.source == task.die
      var entry = TransferTraffic.Attached(die: die)
      if let transfer = takeBuffered(key, die: die, ordinal: ordinal) {
        entry.before = transfer.done
        entry.isInHBM = buffersInHBM
      }
      let underWay = queue.take {
        $0.key == key && $0.die == die && ($0.target == target || !isLocal && $0.target == .copy)
      }.sorted { $0.done > $1.done }
      for (rank, transfer) in underWay.enumerated() {
        if rank == 0 {
          entry.moving = moving.count
          entry.isInHBM = entry.isInHBM || transfer.target == .copy || buffersInHBM
          moving.append(transfer)
        } else {
          // Two transfers may bring the same expert, one to keep and one to use: one will do.
          end(transfer, wasUsed: false)
        }
      }
      attached.append(entry)
      if isLocal { useLocally(key, die: die, ordinal: ordinal) }
    }
    retireBuffers(of: ordinal)
    for transfer in queue.take(where: { $0.target == target }) { end(transfer, wasUsed: false) }
    return (attached, moving)
  }

  /// Runs the plan's chunks with those of transfers beside them.
  mutating func execute(
    _ engine: EventEngine, _ plan: [ExpertTask], fills: [ExpertCopy],
    _ begun: (attached: [TransferTraffic.Attached], moving: [Transfer]), step: Int, ordinal: Int
  ) -> LayerResult {
    let fabric = setup.fabric
    guard !plan.isEmpty else {
      return LayerResult(tasks: plan, copies: fills.count, on: fabric)
    }
    queue.sort()
    let waiting = queue.take { _ in true }
    var traffic = TransferTraffic(
      begun.moving + waiting, attached: begun.attached, remains: remains, chunkBytes: chunkBytes,
      buffersInHBM: buffersInHBM, share: setup.options.bandwidthShare,
      gapSeconds: setup.options.gapSeconds, on: fabric)
    let result = engine.run(
      plan, copies: fills, expert: setup.expert, on: fabric,
      llcBytes: fabric.hardware.llcCapacity - reservedLLC(begun.attached), beside: &traffic)
    remains = traffic.remains
    report.bytesMoved += Double(traffic.arrivals) * chunkBytes
    count(plan, traffic)
    for index in begun.moving.indices {
      let served = traffic.attached.contains {
        $0.moving == index && $0.found + $0.waited > $0.before
      }
      end(traffic.moving[index].transfer, wasUsed: served)
    }
    for index in traffic.completed where index >= begun.moving.count {
      takeIn(traffic.moving[index].transfer, step, ordinal)
    }
    for moving in traffic.moving[begun.moving.count...] where !moving.transfer.isComplete {
      queue.add(moving.transfer)
    }
    return result
  }

  /// Bytes of the LLC that the fullest staging buffer takes from demand.
  private func reservedLLC(_ attached: [TransferTraffic.Attached]) -> Double {
    guard !buffersInHBM else { return 0 }
    var taken = Array(repeating: 0, count: setup.fabric.dies)
    for transfer in buffered + queue.transfers where transfer.target != .copy {
      taken[transfer.die] += transfer.chunks
    }
    for entry in attached { taken[entry.die] += entry.before }
    return min(Double(taken.max() ?? 0) * chunkBytes, setup.fabric.hardware.llcCapacity)
  }

  /// Counts how the plan's reads from elsewhere were met.
  private mutating func count(_ plan: [ExpertTask], _ traffic: TransferTraffic) {
    for (task, entry) in zip(plan, traffic.attached) {
      let brought = entry.found + entry.waited
      if task.source == task.die {
        report.bufferBytes += Double(brought) * chunkBytes
      } else if entry.found == chunks {
        report.stagedOnTime += 1
      } else if brought > 0 {
        report.stagedLate += 1
        report.lateSeconds += entry.lateSeconds
      } else {
        report.demand += 1
      }
    }
  }
}
