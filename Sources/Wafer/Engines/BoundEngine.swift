/// The analytic engine: a layer takes as long as its busiest resource, and one worst latency.
///
/// T = max over dies' compute, nodes' memory and links of busy time + max over tasks of latency, by
/// the formula of ``BusyTimes``.
///
/// ```swift
/// let result = BoundEngine().run(plan, copies: [], expert: expert, on: fabric)
/// print(result.seconds, result.linkSeconds)
/// ```
public struct BoundEngine: Hashable, Sendable {
  /// Whether tasks that read the same expert from the same node share one memory read.
  public var sharesReads = false

  /// Every task reads for itself.
  public init() {}

  /// An expert's weights in one node's memory.
  private struct SharedRead: Hashable {
    let expert: Int32
    let source: Int32
  }

  /// Times one layer.
  ///
  /// - Parameter copies: Copies that dies write into their own HBM.
  /// - Complexity: O(tasks * hops).
  public func run(
    _ tasks: [ExpertTask], copies: [ExpertCopy], expert: ExpertCost, on fabric: Fabric
  ) -> LayerResult {
    run(tasks, copies: copies, expert: expert, activations: nil, on: fabric)
  }

  /// The same with activations on the links.
  func run(
    _ tasks: [ExpertTask], copies: [ExpertCopy], expert: ExpertCost,
    activations: ActivationTraffic?, on fabric: Fabric
  ) -> LayerResult {
    var busy = BusyTimes(expert: expert, on: fabric)
    var read: Set<SharedRead> = []
    for task in tasks {
      busy.compute(task)
      let isShared =
        sharesReads
        && !read.insert(SharedRead(expert: task.expert, source: task.source)).inserted
      busy.read(
        expert.weightBytes, from: Int(task.source), to: Int(task.die), sharesMemory: isShared)
    }
    for copy in copies { busy.writeCopy(at: copy.die) }
    if let activations { busy.move(activations) }
    var result = busy.result(of: tasks, copies: copies.count)
    if let activations {
      result.dispatchSeconds = ActivationTraffic.busiest(activations.dispatch, on: fabric)
      result.combineSeconds = ActivationTraffic.busiest(activations.combine, on: fabric)
    }
    return result
  }
}
