import RoutingTrace

/// Consecutive tokens of a block that share their stage and task.
struct TokenStretch: Hashable, Sendable {
  /// The tokens' places in their block.
  var tokens: Range<Int>
  /// The stage of all of them.
  var stage: Stage
  /// The task's number, or nil where nobody knows.
  var task: Int?
}
