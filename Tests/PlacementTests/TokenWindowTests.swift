import Demand
import Placement
import RoutingTrace
import Testing

/// Two requests of one layer whose token numbers are their experts: 3 tokens of a prompt and 5
/// decoded ones, then 2 and 4.
private func sample() throws -> PlacementTokens {
  let shape = try TraceShape(model: "sample", modelLayers: [0], experts: 32, topK: 1)
  var collector = PlacementTokens.Collector(shape: shape)
  var first: UInt16 = 0
  for (number, (prompt, decode)) in [(3, 5), (2, 4)].enumerated() {
    let count = prompt + decode
    collector.add(
      try TokenBlock(
        shape: shape,
        runs: [
          TokenRun(
            request: UInt64(number), stage: .prefill, firstToken: 0, count: prompt,
            endsRequest: false),
          TokenRun(
            request: UInt64(number), stage: .decode, firstToken: prompt, count: decode,
            endsRequest: true),
        ],
        labels: [
          RequestLabel(request: UInt64(number), name: "", task: number == 0 ? "math" : "code")
        ],
        ids: (0..<UInt16(count)).map { first + $0 }))
    first += UInt16(count)
  }
  return collector.tokens()
}

/// The experts of all tokens, which are their numbers in the sample.
private func numbers(_ pool: RequestPool) -> [UInt16] {
  pool.chosen(by: Array(0..<pool.tokens), layer: 0)
}

@Suite struct TokenWindowTests {
  @Test func promptsAreFollowedByTheirDecodedTokens() throws {
    let cut = try EarlierAndLater(sample(), window: TokenWindow(.prefill), inSample: false)
    #expect(numbers(cut.earlier) == [0, 1, 2, 8, 9])
    #expect(numbers(cut.later) == [3, 4, 5, 6, 7, 10, 11, 12, 13])
    #expect(cut.laterWords == "decode of the same requests")
    #expect(!cut.isInSample)
  }

  @Test func aWindowIsFollowedByTheRestOfItsStages() throws {
    let cut = try EarlierAndLater(
      sample(), window: TokenWindow(.decode, positions: 1..<3), inSample: false)
    #expect(numbers(cut.earlier) == [4, 5, 11, 12])
    #expect(numbers(cut.later) == [6, 7, 13])
  }

  @Test func otherwiseRequestsAreCut() throws {
    let cut = try EarlierAndLater(sample(), window: TokenWindow(.all), share: 0.5, inSample: false)
    #expect(numbers(cut.earlier) == Array(0..<8))
    #expect(numbers(cut.later) == Array(8..<14))
    #expect(cut.earlierWords == "all of the first 1 requests")
  }

  @Test func tasksAreChosenByName() throws {
    let cut = try EarlierAndLater(
      sample(), window: TokenWindow(.prefill, tasks: ["code"]), inSample: false)
    #expect(numbers(cut.earlier) == [8, 9])
    #expect(numbers(cut.later) == [10, 11, 12, 13])
    let error = #expect(throws: PlacementError.self) {
      try EarlierAndLater(sample(), window: TokenWindow(tasks: ["poetry"]), inSample: false)
    }
    #expect(error?.description.contains("'poetry'; give one of code, math") == true)
  }

  @Test func judgingInSampleIsSaid() throws {
    let cut = try EarlierAndLater(sample(), window: TokenWindow(.decode), inSample: true)
    #expect(numbers(cut.later) == numbers(cut.earlier))
    #expect(cut.isInSample)
    #expect(cut.laterWords.contains("in-sample"))
  }

  @Test(arguments: [
    (TokenWindow(.all, positions: 50..<60), "holds no tokens to place from"),
    (TokenWindow(.all, positions: 0..<60), "no tokens come later to judge on"),
  ]) func emptySidesAreRefused(window: TokenWindow, problem: String) throws {
    let tokens = try sample()
    let error = #expect(throws: PlacementError.self) {
      try EarlierAndLater(tokens, window: window, inSample: false)
    }
    #expect(error?.description.contains(problem) == true)
    #expect(
      error?.description.contains("2 requests with 5 tokens of prompts and 9 decoded") == true)
  }

  @Test func decodedTokensAreJudgedOnWhereThereAreAny() throws {
    let judged = try numbers(sample().decodedOrAll)
    #expect(judged == [3, 4, 5, 6, 7, 10, 11, 12, 13])
  }
}
