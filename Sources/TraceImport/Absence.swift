import RoutingTrace

/// The one rule by which every format's ids say "nothing was recorded here".
///
/// A slot is absent where a source has -1, null, nothing, the largest number of an unsigned type,
/// or the number of experts itself, with which some trainers pad. An event is absent where all its
/// slots are, and where all hold expert 0, which no router chooses twice. A token is absent where
/// all its events are, and where those that are not count up from expert 0 in their slots, as one
/// trainer fills rows: in enough of them that no router can be meant. <doc:AbsentRoutes> has it as
/// a table.
///
/// What is absent becomes empty slots, last in their events.
struct Absence {
  /// Experts of a MoE layer (E).
  let experts: Int
  /// Slots of an event (K).
  let topK: Int
  /// Whether tokens that count up are believed.
  let keepsConstant: Bool

  /// Ids that must count up in a token before it is taken for filled in.
  private static let enoughCounting = 8

  /// Whether a slot holds no expert.
  private func isAbsent(slot id: UInt16) -> Bool {
    id == TokenBlock.emptySlot || Int(id) == experts
  }

  /// Whether an event holds no expert.
  func isAbsent(event: ArraySlice<UInt16>) -> Bool {
    guard let first = event.first else { return true }
    if first == 0 { return topK > 1 && event.allSatisfy { $0 == 0 } }
    return isAbsent(slot: first) && event.allSatisfy(isAbsent(slot:))
  }

  /// Whether an event may stand in a layer that is dense: of what fills such layers, nothing is a
  /// choice.
  func isFilling(event: ArraySlice<UInt16>) -> Bool {
    event.allSatisfy { $0 == 0 || isAbsent(slot: $0) } || countsUp(event)
  }

  /// Whether an event holds 0, 1, 2, ... in this order.
  private func countsUp(_ event: ArraySlice<UInt16>) -> Bool {
    zip(event, event.indices).allSatisfy { Int($0) == $1 - event.startIndex }
  }

  /// Whether a token has no expert in any of its events.
  ///
  /// - Complexity: O(1) for most tokens: the first event decides.
  func isAbsent(token: ArraySlice<UInt16>) -> Bool {
    var counting = 0
    for first in stride(from: token.startIndex, to: token.endIndex, by: topK) {
      let event = token[first..<first + topK]
      if isAbsent(event: event) { continue }
      guard !keepsConstant, countsUp(event) else { return false }
      counting += topK
    }
    return counting == 0 || counting >= Self.enoughCounting
  }

  /// With what an absent token is filled, in words.
  func filling(_ token: ArraySlice<UInt16>) -> String {
    switch token.first {
    case 0 where token.allSatisfy { $0 == 0 }: "0"
    case 0: "0, 1, 2, ..."
    case TokenBlock.emptySlot: "-1 or missing"
    default: "\(experts), the number of experts"
    }
  }

  /// Brings what is absent in whole tokens into the form of a trace: empty slots, behind the others
  /// of their event, with weight 0.
  ///
  /// - Parameters:
  ///   - ids: `[token, layer, slot]`.
  ///   - weights: gate weights beside them, if any.
  ///   - layers: layers of a token.
  /// - Returns: whether every slot of every event holds an expert of its own, below `experts`.
  /// - Complexity: O(ids).
  func settle(_ ids: inout [UInt16], _ weights: inout [Float16]?, layers: Int) -> Bool {
    var isFull = TokenBlock.allSlotsValid(ids, experts: experts, topK: topK)
    let width = layers * topK
    for first in stride(from: 0, to: ids.count, by: width) {
      let token = first..<first + width
      if isAbsent(token: ids[token]) {
        empty(token, &ids, &weights)
        isFull = false
      } else if !isFull {
        for event in stride(from: token.lowerBound, to: token.upperBound, by: topK) {
          settle(event: event..<event + topK, &ids, &weights)
        }
      }
    }
    return isFull || TokenBlock.allSlotsValid(ids, experts: experts, topK: topK)
  }

  /// The same for one event.
  private func settle(
    event: Range<Int>, _ ids: inout [UInt16], _ weights: inout [Float16]?
  ) {
    if isAbsent(event: ids[event]) { return empty(event, &ids, &weights) }
    guard ids[event].contains(where: isAbsent(slot:)) else { return }
    var to = event.lowerBound
    for from in event where !isAbsent(slot: ids[from]) {
      ids[to] = ids[from]
      if let weight = weights?[from] { weights?[to] = weight }
      to += 1
    }
    empty(to..<event.upperBound, &ids, &weights)
  }

  /// Takes experts and weights out of slots.
  private func empty(
    _ slots: Range<Int>, _ ids: inout [UInt16], _ weights: inout [Float16]?
  ) {
    for slot in slots {
      ids[slot] = TokenBlock.emptySlot
      weights?[slot] = 0
    }
  }
}
