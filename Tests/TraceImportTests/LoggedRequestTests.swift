import RoutingTrace
import Testing

@testable import TraceImport

private let empty = TokenBlock.emptySlot

/// A top-1 request of records `(place, layer, id)`.
private func logged(_ records: [(place: Int32, layer: Int, id: UInt16)]) -> LoggedRequest {
  var request = LoggedRequest(name: "r", topK: 1)
  for record in records {
    request.add(
      place: record.place, layer: record.layer, ids: [record.id],
      weights: [Float16(record.id) / 8])
  }
  return request
}

/// One layer's records in engine steps of so many tokens.
private func steps(_ sizes: [Int]) -> LoggedRequest {
  logged(sizes.flatMap { (0..<$0).map { (Int32($0), 3, UInt16(1)) } })
}

@Suite struct LoggedRequestTests {
  /// Both orders of a step's records are the same tokens.
  @Test func layerByLayerAndTokenByTokenAreOne() {
    let byLayer = logged([
      (0, 1, 0), (1, 1, 1), (2, 1, 2), (0, 4, 3), (1, 4, 4), (2, 4, 5),
      (0, 1, 6), (0, 4, 7), (0, 1, 2), (0, 4, 3),
    ])
    let byToken = logged([
      (0, 1, 0), (0, 4, 3), (1, 1, 1), (1, 4, 4), (2, 1, 2), (2, 4, 5),
      (0, 1, 6), (0, 4, 7), (0, 1, 2), (0, 4, 3),
    ])
    for request in [byLayer, byToken] {
      let raw = request.request(over: [1, 4])
      #expect(raw.ids == [0, 3, 1, 4, 2, 5, 6, 7, 2, 3])
      #expect(raw.weights == raw.ids.map { Float16($0) / 8 })
      #expect(raw.tokens == 5)
      #expect(request.steps == [0, 3, 4])
      #expect(raw.prefill == 3)
      #expect(request.records == 10)
    }
    #expect(byLayer.firstDifference(from: byToken) == nil)
  }

  /// A token that the step's first layer lacks stands at its place, whichever layer has it.
  @Test func missingRecordsAreEmptySlots() {
    let first = logged([(0, 0, 1), (2, 0, 3), (0, 1, 4), (1, 1, 5), (2, 1, 6), (0, 0, 7)])
    let raw = first.request(over: [0, 1])
    #expect(raw.ids == [1, 4, empty, 5, 3, 6, 7, empty])
    #expect(raw.weights == [0.125, 0.5, 0, 0.625, 0.375, 0.75, 0.875, 0])
    #expect(first.steps == [0, 3])
    let last = logged([(0, 0, 1), (0, 1, 2), (1, 0, 3), (2, 0, 4), (2, 1, 5)])
    #expect(last.request(over: [0, 1]).ids == [1, 2, 3, empty, 4, 5])
  }

  @Test func layersOfTheModelThatWereNotLoggedAreEmpty() {
    let raw = logged([(0, 3, 1), (1, 3, 2)]).request(over: [2, 3, 7])
    #expect(raw.ids == [empty, 1, empty, empty, 2, empty])
    #expect(raw.layers == .numbered([2, 3, 7]))
  }

  /// An event of which nothing was recorded does not count as being there.
  @Test func aRecordMayFillAnEmptyEvent() {
    let request = logged([(0, 0, empty), (0, 1, 2), (1, 0, 3)])
    #expect(request.request(over: [0, 1]).ids == [empty, 2, 3, empty])
  }

  @Test(
    arguments: [
      ([1], 1), ([3], 3), ([3, 1], 3), ([3, 1, 1, 1], 3), ([4, 4, 2, 1, 1], 10),
      // Prompts of several sequences, or decoding of a batch.
      ([1, 1], nil), ([4, 4], nil), ([3, 1, 5, 1], nil), ([8, 3, 3, 3], nil),
    ] as [([Int], Int?)])
  func thePromptIsTheLongStepsBeforeSingleTokens(_ sizes: [Int], prefill: Int?) {
    let request = steps(sizes)
    #expect(request.tokens == sizes.reduce(0, +))
    #expect(request.prefill == prefill)
  }

  @Test func differencesAreFoundWhereverTheyAre() {
    let request = steps([3, 1, 1])
    #expect(request.firstDifference(from: steps([3, 1, 1])) == nil)
    #expect(request.firstDifference(from: steps([3, 1])) == 4)
    #expect(request.firstDifference(from: steps([3, 2])) == 4)
    #expect(request.firstDifference(from: steps([4, 1])) == 3)
    #expect(request.firstDifference(from: steps([1, 1, 3])) == 1)
  }

  /// The rules once more, over a dictionary of records, beside many records in any order.
  @Test(arguments: [LoggedRequest.StepEnd.placeAndLayer, .layer])
  func recordsInAnyOrderAreWhereTheyBelong(stepEnd: LoggedRequest.StepEnd) {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<200 {
      var request = LoggedRequest(name: "r", topK: 2, stepEnd: stepEnd)
      var steps: [[Int32: [Int: (ids: [UInt16], weights: [Float16])]]] = []
      var latest: (place: Int32, layer: Int)?
      for record in 0..<120 {
        let place = Int32.random(in: 0..<12, using: &random)
        let layer = Int.random(in: 0..<4, using: &random) * 3
        let ids: [UInt16] = record % 9 == 0 ? [empty, empty] : [UInt16(record), empty]
        let weights: [Float16] = record < 40 ? [] : [Float16(record), 0]
        request.add(place: place, layer: layer, ids: ids, weights: weights)
        let ends = latest.map {
          stepEnd == .layer ? layer < $0.layer : place <= $0.place && layer <= $0.layer
        }
        let known = steps.last?[place]?[layer]
        if ends ?? true || known.map({ $0.ids != [empty, empty] }) ?? false { steps.append([:]) }
        steps[steps.count - 1][place, default: [:]][layer] =
          (ids, weights.isEmpty ? [0, 0] : weights)
        latest = (place, layer)
      }
      let layers = [0, 1, 3, 6, 9]
      let raw = request.request(over: layers)
      let tokens = steps.flatMap { step in step.keys.sorted().map { step[$0] ?? [:] } }
      #expect(request.tokens == tokens.count)
      #expect(
        raw.ids == tokens.flatMap { token in layers.flatMap { token[$0]?.ids ?? [empty, empty] } })
      #expect(
        raw.weights == tokens.flatMap { token in layers.flatMap { token[$0]?.weights ?? [0, 0] } })
    }
  }

  /// An event without weights among others, as of a token that no expert took.
  @Test func weightsThatLackAreZero() {
    var request = logged([(0, 1, 4)])
    request.add(place: 1, layer: 1, ids: [empty], weights: [])
    request.add(place: 2, layer: 1, ids: [2], weights: [0.5])
    #expect(request.request(over: [1]).weights == [0.5, 0, 0.5])
  }
}
