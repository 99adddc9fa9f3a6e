import RoutingTrace

/// Consecutive tokens of a block that share their stage and task.
struct TokenStretch: Hashable, Sendable {
  var tokens: Range<Int>
  var stage: Stage
  /// The task's number, or nil where nobody knows.
  var task: Int?
}
