import Demand
import Wafer

/// Layer forecasts: weights of the next layers, ordered into the staging buffers of the dies that
/// would compute them.
extension StagingRun {
  private var options: StagingOptions { setup.options }

  /// Plans the next layers as they are expected, and orders what they would read.
  ///
  /// - Parameter laterLayers: Requests of every expert, from 1 layer ahead.
  mutating func stageLayers(
    _ laterLayers: [[Double]], after turn: Turn, sharing plans: inout PlanBook
  ) {
    guard transfers.bufferChunks > 0 else { return }
    // Where not even a chunk may be risked, nothing would be ordered.
    guard !options.holdsBack || accounts.mayRisk(costs.leastChunkSeconds) else { return }
    for (ahead, expected) in zip(turn.layer + 1..<schedule.layers, laterLayers) {
      let counts = expected.map { Int($0.rounded()) }
      guard counts.contains(where: { $0 > 0 }) else { continue }
      let plan = plans.plan(counts, copies.holders(layer: ahead))
      var busy = BusyTimes(expert: setup.expert, on: setup.fabric)
      for task in plan {
        busy.compute(task)
        busy.read(setup.expert.weightBytes, from: Int(task.source), to: Int(task.die))
      }
      // Where the layer would end last, an early chunk is worth most.
      let order = plan.sorted { first, second in
        let (a, b) = (Int(first.die), Int(second.die))
        let (x, y) = (max(busy.memory[a], busy.compute[a]), max(busy.memory[b], busy.compute[b]))
        let (remoteA, remoteB) = (first.source != first.die, second.source != second.die)
        return (y, remoteA ? 0 : 1, first.expert) < (x, remoteB ? 0 : 1, second.expert)
      }
      let then = Turn(step: turn.step, layer: ahead, layers: schedule.layers)
      for task in order { stage(task, at: then, expected: expected[Int(task.expert)]) }
    }
  }

  /// Queues a transfer of a task's weights, as many chunks as the buffer has room for, if it
  /// promises more than it costs.
  ///
  /// - Parameters:
  ///   - turn: When the task is expected to run.
  ///   - expected: Expected requests of its expert.
  private mutating func stage(_ task: ExpertTask, at turn: Turn, expected: Double) {
    if transfers.buffersInHBM, task.source == task.die { return }
    let key = key(task, at: turn)
    let target = Transfer.Target.buffer(turn: turn.number)
    guard let taken = transfers.bufferChunksTaken(beside: key, for: target) else { return }
    let fitting = min(costs.chunks, transfers.bufferChunks - taken)
    guard fitting > 0 else { return }
    let source = Int(task.source)
    let seconds = costs.chunkSeconds(from: source, to: key.die) * Double(fitting)
    let value = planner.chance(expected) * seconds
    if options.holdsBack {
      let cost = costs.costToDemand(
        fitting, from: source, to: key.die, period: last.period)
      guard accounts.trust(in: target) * value > cost, accounts.mayRisk(cost) else { return }
    }
    transfers.queue.add(
      Transfer(key, from: source, to: target, chunks: fitting, value: value))
  }
}
