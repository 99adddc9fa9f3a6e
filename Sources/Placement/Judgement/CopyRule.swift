/// Which of an expert's slots computes a token.
public enum CopyRule: String, CaseIterable, Sendable {
  /// Tokens of a batch are dealt to the slots in turn: an even split, as in the paper.
  case even
  /// The token's own GPU if that holds the expert, else one of the token's node, else any; those
  /// alike in turn.
  case nearest
}

/// The slots of one layer's experts, as tokens find them.
struct SlotDealer {
  /// By expert: its slot; -1 where it has several.
  private let onlySlot: [Int]
  /// By slot: its GPU.
  let gpu: [Int]
  /// Slots of every expert, ascending; behind them where each begins.
  private let slots: [Int]
  private let starts: [Int]
  /// By expert: requests dealt so far in a batch.
  private var turns: [Int]
  private let layout: DeviceLayout
  private let rule: CopyRule

  init(_ map: SlotMap, layer: Int, rule: CopyRule) {
    var own: [[Int]] = Array(repeating: [], count: map.experts)
    for (slot, expert) in map.slots[layer].enumerated() { own[expert].append(slot) }
    slots = own.flatMap { $0 }
    onlySlot = own.map { $0.count == 1 ? $0[0] : -1 }
    gpu = map.slots[layer].indices.map { $0 / map.layout.slotsPerGPU }
    var starts = [0]
    for slots in own { starts.append(starts[starts.count - 1] + slots.count) }
    self.starts = starts
    turns = Array(repeating: 0, count: map.experts)
    layout = map.layout
    self.rule = rule
  }

  /// A batch begins: every expert's first slot is the next.
  mutating func begin() { for expert in turns.indices { turns[expert] = 0 } }

  /// The slot that computes the next request of an expert, from a token whose home is a GPU.
  mutating func slot(of expert: Int, from home: Int) -> Int {
    let only = onlySlot[expert]
    guard only < 0 else { return only }
    let (first, end) = (starts[expert], starts[expert + 1])
    let turn = turns[expert]
    turns[expert] += 1
    guard rule == .nearest else { return slots[first + turn % (end - first)] }
    let own = slots[first..<end]
    let near = own.filter { gpu[$0] == home }
    if !near.isEmpty { return near[turn % near.count] }
    let node = home / layout.gpusPerNode
    let close = own.filter { gpu[$0] / layout.gpusPerNode == node }
    if !close.isEmpty { return close[turn % close.count] }
    return own[first + turn % own.count]
  }
}
