import Counting
import RoutingTrace
import TestSupport
import Testing

@testable import Forecast

/// Which earlier choices an event may look at: ids spell out token and layer.
@Suite struct EventContextTests {
  static let layers = 12
  /// Two tokens of one request; token t chose 12 t + l in layer l. `look` sees the second one's
  /// events.
  static func look(
    horizon: Int, isFresh: Bool = false, _ look: (Int, EventContext) -> Void
  ) throws {
    let shape = try TraceShape(modelLayers: Array(0..<layers), experts: 24, topK: 1)
    let ids = (0..<UInt16(2 * layers)).map { $0 }
    var live = RequestBook()
    let chunk = try #require(
      try chunks(of: [RequestTrace(prefill: 0, ids: ids)], shape: shape).first)
    let block = live.resolve(chunk.block)
    for layer in 0..<layers {
      block.withLayer(layer) {
        look(layer, EventContext($0.event(1), horizon: horizon, isFresh: isFresh))
      }
    }
  }

  /// The id chosen; nil where the set is empty.
  static func id(_ set: ExpertSet) -> Int? { set.count == 0 ? nil : set[0] }

  @Test func theLayersBackGoRoundToThePreviousToken() throws {
    try Self.look(horizon: 1) { layer, context in
      for back in 1...EarlierChoices.backs {
        // Token 1's layers are 12 to 23, and before them come the last ones of token 0.
        #expect(Self.id(context.wrappedBack(back)) == 12 + layer - back)
      }
      #expect(Self.id(context.previousToken) == layer)
      #expect(Self.id(context.sameToken(1)) == (layer >= 1 ? 11 + layer : nil))
      let first = context.first(before: EarlierChoices.backs)
      #expect(Self.id(first) == (layer > EarlierChoices.backs ? 12 : nil))
    }
  }

  @Test func aFreshRequestHasNothingBeforeItsFirstLayer() throws {
    try Self.look(horizon: 1, isFresh: true) { layer, context in
      for back in 1...EarlierChoices.backs {
        #expect(Self.id(context.wrappedBack(back)) == (layer >= back ? 12 + layer - back : nil))
      }
      #expect(context.previousToken.count == 0)
    }
  }

  @Test func fartherAheadLessIsKnown() throws {
    try Self.look(horizon: 3) { layer, context in
      #expect(Self.id(context.wrappedBack(1)) == 12 + layer - 3)
      #expect(Self.id(context.sameToken(1)) == (layer >= 3 ? 12 + layer - 3 : nil))
    }
    // The next token: of this one nothing is known.
    try Self.look(horizon: 0) { _, context in
      for back in 1...EarlierChoices.backs {
        #expect(Self.id(context.wrappedBack(back)) == 12 - back)
      }
      #expect(context.sameToken(1).count == 0 && context.first(before: 0).count == 0)
    }
  }

  @Test func everyChoiceHasAGroupOfItsOwn() throws {
    try Self.look(horizon: 1) { layer, context in
      guard layer == 11 else { return }
      let ids = (0..<EarlierChoices.count).map { Self.id(EarlierChoices.choices($0, of: context)) }
      #expect(ids == [11, 22, 21, 20, 19, 18, 17, 16, 15, 12])
    }
  }
}
