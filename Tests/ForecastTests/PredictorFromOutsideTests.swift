import Counting
import Forecast
import RoutingTrace
import TestSupport
import Testing

/// Predictors that are no part of moecast: by the public door alone.
enum OutsidePredictors {
  /// A formula over the counts: half frequencies, half the request's previous token in this layer.
  struct Repeating: CountingPredictor {
    let name = "repeating"
    let tables: CountTables = []

    func forecast(
      _ event: Event, counts: CountsView, prior: UnsafeMutableBufferPointer<Double>,
      into probabilities: UnsafeMutableBufferPointer<Double>
    ) {
      let before = event.previousToken
      let share = before.count == 0 ? 1 : 0.5
      for expert in 0..<counts.experts { probabilities[expert] = share * prior[expert] }
      for slot in 0..<before.count { probabilities[before[slot]] += 0.5 / Double(before.count) }
    }
  }

  /// Tables of its own: what followed the first expert chosen two layers before.
  struct TwoLayersBack: EventPredictor {
    var counts: [UInt32]
    let experts: Int

    init(shape: TraceShape, layer: Int) {
      experts = shape.experts
      counts = [UInt32](repeating: 0, count: (experts + 1) * experts)
    }

    private func row(_ event: Event) -> Int {
      let given = event.earlierLayer(2)
      return (given.count == 0 ? experts : given[0]) * experts
    }

    func forecast(_ event: Event, into probabilities: UnsafeMutableBufferPointer<Double>) {
      let own = counts[row(event)..<row(event) + experts]
      let total = own.reduce(0) { $0 + Double($1) } + Double(experts)
      for (expert, count) in own.enumerated() { probabilities[expert] = (Double(count) + 1) / total }
    }

    mutating func learn(_ event: Event) {
      let first = row(event)
      for slot in 0..<event.chosen.count { counts[first + event.chosen[slot]] += 1 }
    }

    static let columns = [
      EventColumn<TwoLayersBack>("counts", \.counts, note: "times an expert followed another")
    ]
  }

  static let twoLayersBack = PredictorSpec.counting(
    events: TwoLayersBack.self, named: "two-layers-back")

  static let catalog = PredictorCatalog.standard.adding(.counting(Repeating()))
    .adding(.one(twoLayersBack))
}

@Suite struct PredictorFromOutsideTests {
  @Test func theCatalogFindsThem() {
    let names = OutsidePredictors.catalog.names
    #expect(names.suffix(2) == ["repeating", "two-layers-back"])
    for name in names { #expect(OutsidePredictors.catalog.spec(named: name)?.name == name) }
    #expect(PredictorCatalog.standard.spec(named: "repeating") == nil)
  }

  /// In a session a predictor with tables of its own says what it says in the pass.
  @Test func sessionsAreThoseOfThePass() throws {
    let shape = try TraceShape(modelLayers: [0, 1, 2], experts: 9, topK: 2)
    var random = SplitMix64(seed: 2)
    let requests = (0..<3).map { _ in
      RequestTrace.random(shape: shape, prefill: 3, decode: 12, empty: 0.1, using: &random)
    }
    var model = EventModel<OutsidePredictors.TwoLayersBack>(shape: shape)
    var book = RequestBook()
    for chunk in try chunks(of: requests, shape: shape, chunkTokens: 10) {
      model.process(book.resolve(chunk.block), learns: true, workers: 2) { _, _ in }
    }
    nonisolated(unsafe) var passed: [[[Double]]] = Array(repeating: [], count: 3)
    for chunk in try chunks(of: [requests[1]], shape: shape) {
      model.process(book.resolve(chunk.block), learns: false, workers: 1) { event, probabilities in
        passed[event.layer].append(Array(probabilities))
      }
    }
    let session = model.session()
    for token in 0..<15 {
      try model.open(.decode, task: "", in: session)
      for layer in 0..<3 {
        #expect(Array(try model.forecast(layer, in: session)) == passed[layer][token])
        let at = (token * 3 + layer) * 2
        let chosen = requests[1].ids[at..<at + 2].filter { $0 != TokenBlock.emptySlot }
        try model.observe(chosen, layer: layer, in: session)
      }
      try model.close(session)
    }
  }
}
