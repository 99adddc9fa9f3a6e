import RoutingTrace

/// Looks along a recording for what an engine writes that records nothing: layers that never change
/// their choice, and identical tokens at the beginning.
///
/// Both can only be told of many tokens, so this goes through requests as they come. It remembers
/// one token, and a few lines of it a layer.
struct RecordingCheck {
  /// Events without a change from which on a layer is taken for constant.
  private static let enoughEvents = 32
  /// Identical tokens from which on the recording's beginning is taken for a warm-up.
  private static let enoughWarmUp = 32

  /// MoE layers of a token.
  private let layers: Int
  /// Slots of an event.
  private let topK: Int
  /// Whether constant layers are believed: of routers that take all experts, they are none.
  private let keepsConstant: Bool

  /// For each layer the experts of its first event, ascending; nil before there is one.
  private var firstChoices: [[UInt16]?]
  /// For each layer the events that had the same.
  private var sameEvents: [Int]
  /// Layers that have not changed yet.
  private var constantLayers: [Int]

  /// The first token's ids while all tokens have been equal to it; nil before the first request,
  /// and empty once one differed.
  private var firstToken: [UInt16]?
  /// Tokens at the beginning that are equal to the first, if enough are.
  private(set) var warmUp = 0

  init(shape: TraceShape, keepsConstant: Bool) {
    layers = shape.layers
    topK = shape.topK
    self.keepsConstant = keepsConstant || shape.topK == shape.experts
    firstChoices = Array(repeating: nil, count: layers)
    sameEvents = Array(repeating: 0, count: layers)
    constantLayers = Array(0..<layers)
  }

  /// How many tokens at the front of the next request belong to a warm-up.
  ///
  /// - Parameter ids: `[token, layer, slot]`.
  mutating func warmUpTokens(_ ids: [UInt16]) -> Int {
    let width = layers * topK
    guard firstToken != [], ids.count >= width else { return 0 }
    let first = firstToken ?? Array(ids[..<width])
    let isFirstRequest = firstToken == nil
    var same = 0
    // An absent token is no warm-up: nothing was routed there.
    while first[0] != TokenBlock.emptySlot, (same + 1) * width <= ids.count,
      ids[same * width..<(same + 1) * width].elementsEqual(first)
    { same += 1 }
    firstToken = same * width == ids.count ? first : []
    if isFirstRequest, same < Self.enoughWarmUp {
      firstToken = []
      return 0
    }
    warmUp += same
    return same
  }

  /// Looks at the events of a request that goes into the trace.
  ///
  /// - Complexity: O(ids) only as long as layers do not change; of most recordings a few tokens.
  mutating func note(_ ids: [UInt16]) {
    guard !keepsConstant else { return }
    constantLayers.removeAll { layer in
      for event in stride(from: layer * topK, to: ids.count, by: layers * topK) {
        let slots = ids[event..<event + topK]
        guard slots.first != TokenBlock.emptySlot else { continue }
        let choice = slots.sorted()
        guard firstChoices[layer] ?? choice == choice else { return true }
        firstChoices[layer] = choice
        sameEvents[layer] += 1
      }
      return false
    }
  }

  /// What is wrong with the recording as a whole, once all of it was looked at.
  ///
  /// - Parameter file: what to call it in messages.
  func fault(file: String, shape: TraceShape) -> ImportError? {
    guard !keepsConstant else { return nil }
    let isConstantThroughout =
      constantLayers.count == layers && sameEvents.contains { $0 > 1 }
      && sameEvents.reduce(0, +) >= Self.enoughEvents
    let enough = isConstantThroughout ? 1 : Self.enoughEvents
    guard let layer = constantLayers.first(where: { sameEvents[$0] >= enough }),
      let choice = firstChoices[layer]
    else { return nil }
    let experts = choice.filter { $0 != TokenBlock.emptySlot }.map(String.init)
    let others = isConstantThroughout ? ", and no other layer ever changes either" : ""
    return ImportError(
      .recordedNothing, file: file, layer: shape.modelLayers[layer],
      problem: "all \(sameEvents[layer]) tokens choose the same experts "
        + "(\(experts.joined(separator: ", ")))\(others): the engine recorded nothing there",
      remedy: ImportError.recordAgain + "; if the router really does this, give --keep-constant")
  }
}
