import Forecast
import Foundation
import Live
import ModelFile
import Prequential
import RoutingTrace
import TestSupport
import Testing
import Training

/// Many requests under way at once: what is learnt on the way is what training on the recorded
/// trace makes, and what is out of order changes nothing.
@Suite struct LiveForecasterTests {
  static let predictors = ["layer-markov", "mixture-fast", "mixture", "mixture:next"]

  static func shape() throws -> TraceShape {
    try TraceShape(model: "small", modelLayers: [1, 2, 3, 5], experts: 16, topK: 2)
  }

  /// Requests whose tokens cycle through what a seed gives, empty slots now and then.
  static func requests(_ count: Int, tokens: Int) throws -> [RequestTrace] {
    var random = SplitMix64(seed: 77)
    let shape = try shape()
    return (0..<count).map { index in
      var request = RequestTrace.random(
        shape: shape, prefill: 2, decode: tokens - 2, empty: 0.05, using: &random)
      request.task = index % 2 == 0 ? "" : "task \(index % 3)"
      return request
    }
  }

  /// The row of a token's layer: `topK` ids.
  static func row(_ request: RequestTrace, token: Int, layer: Int) throws -> ArraySlice<UInt16> {
    let shape = try shape()
    let at = (token * shape.layers + layer) * shape.topK
    return request.ids[at..<at + shape.topK]
  }

  /// Lets `width` requests at a time go through, all tokens of all of them.
  static func run(
    _ requests: [RequestTrace], width: Int, tokens: Int, on live: LiveForecaster
  ) throws {
    for first in stride(from: 0, to: requests.count, by: width) {
      let group = Array(first..<min(first + width, requests.count))
      // Callers' numbers come again: every group has the same.
      let numbers = group.indices.map { UInt64($0) }
      for (number, index) in zip(numbers, group) {
        try live.begin(number, task: requests[index].task)
      }
      for token in 0..<tokens {
        try live.open(numbers.span) { _ in token < 2 ? .prefill : .decode }
        for layer in 0..<live.shape.layers {
          let ids = try group.flatMap { try row(requests[$0], token: token, layer: layer) }
          try live.observe(numbers.span, layer: layer, ids: ids.span)
        }
      }
      try live.end(numbers.span)
    }
  }

  /// A forecast for one request.
  static func forecast(
    _ layer: Int, by predictor: Int, of request: UInt64, top: Int, on live: LiveForecaster
  ) throws -> (experts: [UInt16], chances: [Float]) {
    var experts = [UInt16](repeating: 0, count: top)
    var chances = [Float](repeating: 0, count: top)
    try experts.withUnsafeMutableBufferPointer { experts in
      try chances.withUnsafeMutableBufferPointer { chances in
        try live.forecast(
          layer, by: predictor, of: [request].span, top: top, ranked: experts, chances: chances)
      }
    }
    return (experts, chances)
  }

  /// With one request in flight and with 64, in chunks that end where they may: the checkpoint is
  /// that of `train` on the recorded trace, byte for byte.
  @Test(arguments: [1, 64])
  func whatIsLearntIsWhatTrainingOnTheRecordedTraceMakes(width: Int) throws {
    let temporary = try TemporaryFolder()
    let folder = temporary.path
    let (trace, model, trained) = (
      "\(folder)/live.moe.lz4", "\(folder)/live.h5", "\(folder)/trained.h5"
    )
    var options = LiveForecaster.Options()
    options.recording = trace
    let live = try LiveForecaster(
      Learner(shape: Self.shape(), predictors: Self.predictors), options: options)
    // More tokens than a chunk has, and a chunk that ends where the model is saved.
    let requests = try Self.requests(96, tokens: 50)
    try Self.run(requests, width: width, tokens: 50, on: live)
    try live.withLearner { try Checkpoint.write($0, to: "\(folder)/between.h5") }
    try Self.run(Array(requests.prefix(5)), width: width, tokens: 3, on: live)
    try live.withLearner { try Checkpoint.write($0, to: model) }
    try live.finish()

    let stream = try TraceStream([trace])
    var learner = try TrainingStart.anew(
      stream.shape, predictors: PredictorCatalog.standard.specs(named: Self.predictors))
    var run = TrainingRun()
    run.saver = CheckpointSaver(try CheckpointFile(trained))
    try run.consume(stream, into: &learner)
    #expect(learner.progress.chunks == 3 && learner.progress.tokens == 4815)
    #expect(learner.progress.requests == 101)
    #expect(try Data(contentsOf: path(trained)) == Data(contentsOf: path(model)))
    #expect(try Data(contentsOf: path(trained)) != Data(contentsOf: path("\(folder)/between.h5")))
  }

  private func path(_ text: String) -> URL { URL(fileURLWithPath: text) }

  /// A model that was saved goes on where it was: the same as if it had never been saved.
  @Test func aSavedModelGoesOn() throws {
    let requests = try Self.requests(12, tokens: 9)
    let whole = try LiveForecaster(Learner(shape: Self.shape(), predictors: Self.predictors))
    try Self.run(Array(requests.prefix(6)), width: 3, tokens: 9, on: whole)
    let middle = try whole.withLearner { $0 }
    try Self.run(Array(requests.suffix(6)), width: 3, tokens: 9, on: whole)
    let again = try LiveForecaster(middle)
    try Self.run(Array(requests.suffix(6)), width: 3, tokens: 9, on: again)
    let (one, other) = (try whole.withLearner { $0 }, try again.withLearner { $0 })
    let isSame = one.models == other.models && one.requests == other.requests
    #expect(isSame && one.progress.tokens == 108 && one.progress.requests == 12)
  }

  /// The forecasts are those of a learner's session that knows the same, and ``step`` tells the
  /// layer that is due.
  @Test func forecastsAreThoseOfTheSession() throws {
    let shape = try Self.shape()
    let requests = try Self.requests(8, tokens: 9)
    let live = try LiveForecaster(Learner(shape: shape, predictors: Self.predictors))
    try Self.run(requests, width: 4, tokens: 9, on: live)
    let learner = try live.withLearner { $0 }
    #expect(live.horizons == [1, 1, 1, 0] && live.predictors == Self.predictors)

    let session = learner.session(of: 1)
    try learner.open(.decode, in: session)
    try live.begin(9)
    try live.open([9].span) { _ in .decode }
    for layer in 0..<shape.layers {
      for predictor in Self.predictors.indices {
        let own = try Self.forecast(layer, by: predictor, of: 9, top: 5, on: live)
        let probabilities = try learner.forecast(layer, by: predictor, in: session)
        let best = Ranking.best(5, by: probabilities)
        #expect(own.experts == best.map { UInt16($0) })
        #expect(own.chances == best.map { Float(probabilities[$0]) })
      }
      let ids = try Array(Self.row(requests[0], token: 0, layer: layer))
      let chosen = ids.filter { $0 != TokenBlock.emptySlot }
      try learner.observe(chosen, layer: layer, in: session)
      var told = [UInt16](repeating: .max, count: 16)
      let isDue = try told.withUnsafeMutableBufferPointer { told in
        try live.step(
          [9].span, layer: layer, ids: ids.span, by: 1, top: 16, ranked: told, chances: nil)
      }
      #expect(isDue == (layer < 3))
      if isDue {
        let next = try learner.forecast(layer + 1, by: 1, in: session)
        #expect(told == Ranking.best(16, by: next).map { UInt16($0) })
      } else {
        #expect(told.allSatisfy { $0 == .max })
      }
    }
  }

  /// Requests take turns in one memory, layer by layer; each is forecast as if it were alone.
  @Test func requestsInTurnsAreForecastAsIfAlone() throws {
    let shape = try Self.shape()
    let requests = try Self.requests(40, tokens: 9)
    let live = try LiveForecaster(Learner(shape: shape, predictors: Self.predictors))
    try Self.run(Array(requests.dropFirst(8)), width: 4, tokens: 9, on: live)
    let learner = try live.withLearner { $0 }
    // Nothing is learnt from here on, so that all know the same.
    var options = LiveForecaster.Options()
    options.learns = false
    let frozen = try LiveForecaster(learner, options: options)
    let group = requests.prefix(8).indices
    let numbers = group.map { UInt64($0) }
    let sessions = numbers.map { learner.session(of: 1000 + $0) }
    for number in numbers { try frozen.begin(number) }
    var compared = 0
    for token in 0..<9 {
      try frozen.open(numbers.span) { _ in .decode }
      for session in sessions { try learner.open(.decode, in: session) }
      for layer in 0..<shape.layers {
        for index in group {
          for predictor in Self.predictors.indices {
            let own = try Self.forecast(
              layer, by: predictor, of: numbers[index], top: 16, on: frozen)
            let alone = try learner.forecast(layer, by: predictor, in: sessions[index])
            let best = Ranking.best(16, by: alone)
            #expect(own.experts == best.map { UInt16($0) })
            #expect(own.chances == best.map { Float(alone[$0]) })
            compared += 1
          }
        }
        let ids = try group.flatMap { try Self.row(requests[$0], token: token, layer: layer) }
        try frozen.observe(numbers.span, layer: layer, ids: ids.span)
        for index in group {
          let chosen = try Self.row(requests[index], token: token, layer: layer)
          try learner.observe(
            chosen.filter { $0 != TokenBlock.emptySlot }, layer: layer, in: sessions[index])
        }
      }
      var closed = ClosedTokens(shape: shape)
      for session in sessions { try learner.close(session, into: &closed) }
    }
    #expect(compared == 9 * 4 * 8 * 4)
  }

  /// Whatever is out of order is refused with its reason, for all requests of the call, and what
  /// is right goes on as if it had not been.
  @Test func misuseChangesNothing() throws {
    let shape = try Self.shape()
    let live = try LiveForecaster(Learner(shape: shape, predictors: Self.predictors))
    let calm = try LiveForecaster(Learner(shape: shape, predictors: Self.predictors))
    let requests = try Self.requests(4, tokens: 4)
    try Self.run(requests, width: 2, tokens: 4, on: live)
    try Self.run(requests, width: 2, tokens: 4, on: calm)

    func refusal(_ body: () throws -> Void) -> LiveError? {
      do { try body() } catch { return error as? LiveError }
      return nil
    }
    func observe(_ numbers: [UInt64], _ layer: Int, _ ids: [UInt16]) -> LiveError? {
      refusal { try live.observe(numbers.span, layer: layer, ids: ids.span) }
    }
    let none = TokenBlock.emptySlot
    for door in [live, calm] {
      try door.begin(1)
      try door.begin(2)
      try door.open([1, 2].span) { _ in .decode }
    }
    #expect(refusal { try live.begin(1) } == .underWay(1))
    #expect(refusal { try live.begin(3, from: 1 << 32) } == .position(1 << 32))
    #expect(refusal { try live.end([1, 3].span) } == .unknownRequest(3))
    #expect(
      refusal { try live.open([1].span) { _ in .decode } } == .session(.notClosed, request: 1))
    #expect(observe([1, 3], 0, [0, 1, 2, 3]) == .unknownRequest(3))
    #expect(observe([1, 1], 0, [0, 1, 2, 3]) == .twice(1))
    #expect(
      observe([1, 2], 1, [0, 1, 2, 3])
        == .session(.layer(1, expected: 0..<1), request: 1))
    #expect(
      observe([1, 2], 0, [0, 1, 2, 16]) == .session(.expert(16, experts: 16), request: 2))
    #expect(observe([1, 2], 0, [0, 1, 3, 3]) == .session(.repeated(3), request: 2))
    #expect(observe([1, 2], 0, [0, 1, none, 3]) == .gap(2))
    #expect(
      refusal { _ = try Self.forecast(0, by: 4, of: 1, top: 2, on: live) }
        == .predictor(4, known: Self.predictors))
    #expect(
      refusal { _ = try Self.forecast(0, by: 0, of: 1, top: 17, on: live) }
        == .top(17, experts: 16))
    #expect(
      refusal { _ = try Self.forecast(1, by: 0, of: 1, top: 2, on: live) }
        == .session(.layer(1, expected: 0..<1), request: 1))
    for layer in 0..<shape.layers {
      for door in [live, calm] {
        try door.observe([1, 2].span, layer: layer, ids: [4, 5, 6, none].span)
      }
    }
    #expect(refusal { try live.open([1].span) { _ in .prefill } } == .prefillAfterDecode(1))
    #expect(observe([1], 0, [0, 1]) == .session(.notOpen, request: 1))
    for door in [live, calm] { try door.end([1, 2].span) }
    #expect(observe([1], 0, [0, 1]) == .unknownRequest(1))
    let (one, other) = (try live.withLearner { $0 }, try calm.withLearner { $0 })
    let isSame = one == other
    #expect(isSame && one.progress.tokens == 18)
  }

  /// A request that never ends is forgotten for others, the one that was used longest ago first.
  @Test func requestsAreBounded() throws {
    var options = LiveForecaster.Options()
    options.maximumRequests = 2
    let live = try LiveForecaster(
      Learner(shape: Self.shape(), predictors: ["layer-markov"]), options: options)
    try live.begin(1)
    try live.begin(2)
    try live.open([1].span) { _ in .decode }
    try live.begin(3)
    #expect(throws: LiveError.unknownRequest(2)) { try live.open([2].span) { _ in .decode } }
    #expect(live.standing.requests == 2 && live.progress(of: 1)?.known == 0)
  }

  /// A frozen model records, and learns nothing.
  @Test func aFrozenModelRecords() throws {
    let temporary = try TemporaryFolder()
    let folder = temporary.path
    var options = LiveForecaster.Options()
    options.learns = false
    options.recording = "\(folder)/live.moe.lz4"
    let live = try LiveForecaster(
      Learner(shape: Self.shape(), predictors: ["layer-markov"]), options: options)
    let requests = try Self.requests(3, tokens: 5)
    try Self.run(requests, width: 2, tokens: 5, on: live)
    try live.finish()
    #expect(live.standing.tokensLearnt == 0)
    var stream = try TraceStream(["\(folder)/live.moe.lz4"])
    let chunk = try #require(try stream.next())
    #expect(chunk.block.tokens == 15 && chunk.block.shape == live.shape)
    #expect(chunk.block.runs.filter(\.endsRequest).count == 3)
    let second = try Self.row(requests[1], token: 0, layer: 2)
    #expect(chunk.block.chosen(layer: 2, token: 1).elementsEqual(second.filter { $0 != .max }))
    // What is there is not replaced.
    #expect(throws: TraceError.self) {
      try LiveForecaster(
        Learner(shape: Self.shape(), predictors: ["layer-markov"]), options: options)
    }
  }

  /// Threads take turns: every token is learnt once.
  @Test func callsMayComeFromAnyThread() async throws {
    let live = try LiveForecaster(Learner(shape: Self.shape(), predictors: ["mixture"]))
    let requests = try Self.requests(4, tokens: 30)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for (number, request) in requests.enumerated() {
        group.addTask {
          let own = [UInt64(number)]
          try live.begin(UInt64(number))
          for token in 0..<30 {
            try live.open(own.span) { _ in .decode }
            for layer in 0..<live.shape.layers {
              let told = try Self.forecast(layer, by: 0, of: own[0], top: 3, on: live)
              #expect(Set(told.experts).count == 3)
              let ids = Array(try Self.row(request, token: token, layer: layer))
              try live.observe(own.span, layer: layer, ids: ids.span)
            }
          }
          try live.end(own.span)
        }
      }
      try await group.waitForAll()
    }
    try live.flush()
    let standing = live.standing
    #expect(
      standing.tokensLearnt == 120 && standing.tokensWaiting == 0 && standing.requests == 0)
    #expect(try live.score(of: 0).events > 400)
  }
}
