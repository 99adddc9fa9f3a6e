import RoutingTrace

/// A request as a format gives it, before a ``RequestValidator`` holds it against the shape.
struct RawRequest {
  /// The layer axis of its ids.
  enum LayerAxis: Equatable {
    /// Only layers that route, by the model's own numbers, ascending.
    case numbered([Int])
    /// That many layers without numbers: all of the model's, with zeros in the dense ones, or only
    /// those that route.
    case counted(Int)

    /// How many layers there are.
    var count: Int {
      switch self {
      case .numbered(let numbers): numbers.count
      case .counted(let count): count
      }
    }
  }

  /// The name its source gives it, or empty.
  var name = ""
  /// The task its source says it belongs to, or empty.
  var task = ""
  /// Tokens (T), the prompt's first.
  var tokens: Int
  /// Tokens of the prompt, or nil where the format does not say.
  var prefill: Int?
  /// Which layers the ids are of.
  var layers: LayerAxis
  /// Ids in an event (K); 0 only where there are no tokens.
  var topK: Int
  /// `[token, layer, slot]`: `tokens * layers * topK` ids, as the source has them. In any slot
  /// `RoutingTrace/TokenBlock/emptySlot` where the source says that nothing was recorded, and
  /// ``outOfRange`` for a number that is no id of any model; what else stands for nothing,
  /// ``Absence`` decides.
  var ids: [UInt16]
  /// Gate weights beside the ids, in the same order; nil where there are none.
  var weights: [Float16]?
  /// Experts of a MoE layer (E), where its source says so.
  var experts: Int?
  /// The first number that ``outOfRange`` stands for, where the format tells.
  var firstOutOfRange: Int?
  /// Ids of its tokens, where the source has them: what shows whether two files are of one request.
  var tokenIDs: [Int]?
  /// What is to be said of its source, though it can be read.
  var remarks: [Remark] = []

  /// In ``ids``: below -1, or above every id.
  static let outOfRange: UInt16 = .max - 1

  /// A number of the source as it stands in ``ids``.
  @inline(__always)
  static func id(_ number: Int) -> UInt16 {
    if number >= 0, number < Int(outOfRange) { return UInt16(truncatingIfNeeded: number) }
    return number == -1 ? TokenBlock.emptySlot : outOfRange
  }
}
