/// A whole request as foreign formats give it: token by token, prefill first.
public struct RequestTrace: Hashable, Sendable {
  /// The name its source gave it, or empty.
  public var name: String
  /// The task it belongs to, or empty.
  public var task: String
  /// Tokens of the prompt; the rest are decoded.
  public var prefill: Int
  /// `tokens * layers * topK` expert ids, token-major, unused slots last and
  /// ``TokenBlock/emptySlot``.
  public var ids: [UInt16]
  /// Gate weights beside the ids, or nil.
  public var weights: [Float16]?

  /// A request; lengths are checked against a shape by ``TraceWriter/append(_:)``.
  public init(
    name: String = "", task: String = "", prefill: Int, ids: [UInt16], weights: [Float16]? = nil
  ) {
    self.name = name
    self.task = task
    self.prefill = prefill
    self.ids = ids
    self.weights = weights
  }
}
