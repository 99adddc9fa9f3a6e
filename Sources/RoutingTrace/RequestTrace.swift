/// A whole request, token by token, prefill first: as importers read it and samplers draw it, for
/// ``TraceWriter/append(_:)``.
///
/// ```swift
/// // Two tokens, one MoE layer, top-2: the prompt's token and one decoded.
/// let request = RequestTrace(name: "r0", task: "math", prefill: 1, ids: [5, 1, 0, 7])
/// try writer.append(request)
/// ```
public struct RequestTrace: Hashable, Sendable {
  /// The name its source gave it, or empty.
  public var name: String
  /// The task it belongs to, or empty.
  public var task: String
  /// Tokens of the prompt; the rest are decoded.
  public var prefill: Int
  /// Expert ids, `[token, layer, slot]`: `tokens * layers * topK` values, unused slots last in an
  /// event and ``TokenBlock/emptySlot``.
  public var ids: [UInt16]
  /// Gate weights beside the ids, in the same order, or nil where the source has none.
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
