import Counting
import RoutingTrace
import ShardSums

extension TraceAnalysis {
  /// Adds what was counted of the next shard of a trace.
  ///
  /// Requests do not go on from one shard to the next: one that a cut divides counts once, its
  /// first token behind the cut follows none, and the tokens from there on are of no task.
  ///
  /// - Throws: ``ShardSums/ShardSumsError`` where the shard is of another shape, or a count would
  ///   overflow; nothing is added then.
  /// - Complexity: O(L E^2) for L layers.
  public mutating func add(_ other: TraceAnalysis) throws(ShardSumsError) {
    guard shape.isCompatible(with: other.shape) else {
      throw .differs("shape", shape.description, other.shape.description)
    }
    guard zip(layers, other.layers).allSatisfy({ $0.hasRoom(for: $1) }) else { throw .full }
    let (count, overflow) = requests.addingReportingOverflow(other.requests)
    guard !overflow else { throw .full }
    requests = count
    for (scope, own) in other.tokens { tokens[scope, default: 0] += own }
    let places = tasks.join(other.tasks)
    tokensOfTasks += Array(repeating: 0, count: tasks.names.count - tokensOfTasks.count)
    for (task, place) in places.enumerated() {
      if let place { tokensOfTasks[place] += other.tokensOfTasks[task] }
    }
    for index in layers.indices {
      layers[index].add(other.layers[index], tasks: places, of: tasks.names.count)
    }
  }
}

extension LayerTally {
  /// Whether no count of both together passes what a cell may hold.
  func hasRoom(for other: LayerTally) -> Bool {
    largest + other.largest <= LayerCounts.maximumTokens
      && pairs.largest + other.pairs.largest <= LayerCounts.maximumTokens
  }

  /// Adds what another shard counted in the same layer.
  ///
  /// - Parameters:
  ///   - places: the number here of each of its tasks; nil for those that are not told apart.
  ///   - taskCount: tasks known by now.
  mutating func add(_ other: LayerTally, tasks places: [Int?], of taskCount: Int) {
    for stage in stages.indices {
      stages[stage].add(other.stages[stage])
      tokens[stage] += other.tokens[stage]
      following[stage] += other.following[stage]
    }
    pairs.add(other.pairs)
    let none = LayerCounts(experts: pairs.experts, tables: [])
    tasks += Array(repeating: none, count: taskCount - tasks.count)
    for (task, place) in places.enumerated() {
      if let place, task < other.tasks.count { tasks[place].add(other.tasks[task]) }
    }
  }
}
