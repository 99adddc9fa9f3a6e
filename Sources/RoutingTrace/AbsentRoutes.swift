/// How much of a trace is known to have existed and was not recorded: slots without an expert, and
/// the events and tokens that have no other.
///
/// ```swift
/// var absent = AbsentRoutes()
/// absent.add(block)
/// print(absent.tokens, absent.events, absent.slots)   // 16 384 3
/// ```
///
/// Absent events are neither forecast nor scored nor learnt; <doc:Container> tells how they stand
/// in a chunk.
public struct AbsentRoutes: Hashable, Sendable {
  /// Tokens without an expert in any layer.
  public private(set) var tokens = 0
  /// Events (a token at a layer) without an expert, those of ``tokens`` among them.
  public private(set) var events = 0
  /// Empty slots of events that have an expert.
  public private(set) var slots = 0

  /// Nothing is absent.
  public init() {}

  /// So much is absent.
  public init(tokens: Int, events: Int, slots: Int) {
    self.tokens = tokens
    self.events = events
    self.slots = slots
  }

  /// Adds what is absent in a chunk.
  ///
  /// - Complexity: O(1) where no slot is empty, else O(ids).
  public mutating func add(_ block: TokenBlock) {
    guard !block.isFull else { return }
    let (shape, places) = (block.shape, block.slots)
    for token in 0..<block.tokens {
      add(token: (0..<shape.layers).lazy.map { block.ids[places[$0, token]] })
    }
  }

  /// Adds what is absent of whole tokens.
  ///
  /// - Parameters:
  ///   - ids: `[token, layer, slot]`, empty slots last in an event.
  ///   - layers: MoE layers.
  ///   - topK: slots of an event.
  package mutating func add(_ ids: [UInt16], layers: Int, topK: Int) {
    for first in stride(from: 0, to: ids.count, by: layers * topK) {
      add(
        token: (0..<layers).lazy.map { layer in
          ids[first + layer * topK..<first + (layer + 1) * topK]
        })
    }
  }

  /// Adds what is absent of one token, whose events are given layer by layer.
  private mutating func add(token: some Sequence<ArraySlice<UInt16>>) {
    var isAbsent = true
    for event in token {
      guard event.last == TokenBlock.emptySlot else {
        isAbsent = false
        continue
      }
      if event.first == TokenBlock.emptySlot {
        events += 1
      } else {
        isAbsent = false
        slots += event.reversed().prefix { $0 == TokenBlock.emptySlot }.count
      }
    }
    if isAbsent { tokens += 1 }
  }
}
