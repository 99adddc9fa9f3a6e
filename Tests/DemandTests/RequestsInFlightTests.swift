import MemoryBudget
import RoutingTrace
import Testing

@testable import Demand

/// Top-1 of 9 experts in one layer.
struct RequestsInFlightTests {
  private let shape: TraceShape

  init() throws { shape = try TraceShape(modelLayers: [3], experts: 9, topK: 1) }

  private func block(_ runs: [(request: UInt64, first: Int, count: Int, ends: Bool)]) throws
    -> TokenBlock
  {
    try TokenBlock(
      shape: shape,
      runs: runs.map {
        TokenRun(
          request: $0.request, stage: .decode, firstToken: $0.first, count: $0.count,
          endsRequest: $0.ends)
      },
      ids: runs.flatMap { run in (0..<run.count).map { UInt16((run.first + $0) % 9) } })
  }

  private func text(_ tokens: [RequestsInFlight.Token]?) -> String {
    tokens?.map { "\($0.request):\($0.position)" }.joined(separator: " ") ?? "-"
  }

  /// A step waits until every slot has a token; at the trace's end it does not.
  @Test func stepsWaitForTheirTokens() throws {
    var requests = RequestsInFlight(2, shape: shape)
    #expect(text(requests.nextStep()) == "-")
    requests.add(try block([(7, 0, 3, false)]))
    #expect(text(requests.nextStep()) == "-")
    #expect(requests.memoryDemand.bytes == 6)
    requests.add(try block([(8, 0, 1, true), (7, 3, 0, true), (9, 0, 2, false)]))
    #expect(text(requests.nextStep()) == "7:0 8:0")
    // 8 has ended, so 9 takes its slot.
    #expect(text(requests.nextStep()) == "7:1 9:0")
    #expect(text(requests.nextStep()) == "7:2 9:1")
    // 7 has ended without a token, 9 may go on.
    #expect(text(requests.nextStep()) == "-")
    requests.add(try block([(4, 5, 2, false)]))
    #expect(text(requests.nextStep()) == "-")
    #expect(text(requests.nextStep(isTraceAtEnd: true)) == "4:5")
    #expect(text(requests.nextStep(isTraceAtEnd: true)) == "4:6")
    #expect(text(requests.nextStep(isTraceAtEnd: true)) == "-")
    #expect(requests.memoryDemand.bytes == 0)
  }

  /// Where others have ended and nobody follows, a request stays in its slot.
  @Test func requestsKeepTheirSlots() throws {
    var requests = RequestsInFlight(2, shape: shape)
    requests.add(try block([(1, 0, 1, true), (2, 0, 3, true)]))
    #expect(requests.nextStep(isTraceAtEnd: true)?.map(\.slot) == [0, 1])
    #expect(requests.nextStep(isTraceAtEnd: true)?.map(\.slot) == [1])
    #expect(requests.nextStep(isTraceAtEnd: true)?.map(\.slot) == [1])
    #expect(requests.nextStep(isTraceAtEnd: true) == nil)
  }

  @Test func tokensKeepWhatTheTraceSaysOfThem() throws {
    var requests = RequestsInFlight(1, shape: shape)
    let run = TokenRun(request: 3, stage: .prefill, firstToken: 0, count: 2, endsRequest: true)
    requests.add(
      try TokenBlock(
        shape: shape, runs: [run], labels: [RequestLabel(request: 3, name: "r", task: "math")],
        ids: [5, TokenBlock.emptySlot]))
    let first = try #require(requests.nextStep()?.first)
    #expect(
      first
        == RequestsInFlight.Token(
          request: 3, task: "math", position: 0, stage: .prefill, chosen: [[5]],
          endsRequest: false, slot: 0))
    let last = try #require(requests.nextStep()?.first)
    #expect(last.chosen == [[]] && last.endsRequest)
  }
}
