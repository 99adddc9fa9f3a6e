import Live
import ModelFile
import Prequential
import RoutingTrace
import ServiceProtocol
import TestSupport
import Testing

@testable import Service

@Suite struct ClientSessionTests {
  @Test func forecastsAreThoseOfTheForecaster() throws {
    let sample = try ServiceSample()
    let client = sample.service.client()
    #expect(client.answer(.begin(.init(request: 1))) == .done)
    let replies = try ServiceSample.token(client.answer)
    #expect(replies[0] == .done)
    let live = try LiveForecaster(ServiceSample.learner())
    try live.begin(1)
    try live.open([1].span) { _ in .decode }
    for layer in 0..<3 {
      var ranked = [UInt16](repeating: TokenBlock.emptySlot, count: 4)
      var chances = [Float](repeating: 0, count: 4)
      try ranked.withUnsafeMutableBufferPointer { ranked in
        try chances.withUnsafeMutableBufferPointer { chances in
          _ = try live.step(
            [1].span, layer: layer, ids: [UInt16(layer), 4].span, by: 0, top: 4, ranked: ranked,
            chances: chances)
        }
      }
      #expect(replies[layer + 1] == .ranked(.init(top: 4, chances: chances, ranked: ranked)))
    }
  }

  @Test func clientsDoNotKnowEachOthersRequests() throws {
    let sample = try ServiceSample()
    let (one, other) = (sample.service.client(), sample.service.client())
    #expect(one.answer(.begin(.init(request: 1))) == .done)
    #expect(other.answer(.end([1])).refusal?.status == .unknownRequest)
    #expect(other.answer(.begin(.init(request: 1))) == .done)
    _ = try ServiceSample.token(one.answer)
    #expect(other.progress(of: 1)?.position == 0)
    other.close()
    #expect(sample.service.model.live.standing.requests == 1)
    #expect(try ServiceSample.token(one.answer).allSatisfy { $0.refusal == nil })
  }

  @Test func whatIsWrongIsRefusedInTheClientsNumbersAndTeachesNothing() throws {
    let sample = try ServiceSample()
    let client = sample.service.client()
    _ = sample.service.client().answer(.begin(.init(request: 5)))
    func refusal(_ request: Request) -> String {
      client.answer(request).refusal.map { "\($0.status): \($0.text)" } ?? "done"
    }
    _ = client.answer(.begin(.init(request: 77)))
    _ = client.answer(.begin(.init(request: 78)))
    #expect(
      refusal(.begin(.init(request: 77)))
        == "outOfOrder: request 77 is under way; end it before it begins anew")
    #expect(
      refusal(.open(.init(requests: [77, 9], stages: [1, 1]))).hasPrefix(
        "unknownRequest: request 9 is not under way"))
    #expect(
      refusal(.open(.init(requests: [77, 77], stages: [1, 1])))
        == "outOfOrder: request 77 is named twice in one call; name it once")
    #expect(
      refusal(.open(.init(requests: [77], stages: [2])))
        == "badArgument: stage 2 is none; 0 is prefill, 1 is decode")
    #expect(
      refusal(.observe(.init(layer: 0, requests: [77], ids: [1, 2])))
        == "outOfOrder: request 77: no token is open; open one first")
    _ = client.answer(.open(.init(requests: [77, 78], stages: [1, 1])))
    #expect(
      refusal(.observe(.init(layer: 1, requests: [77], ids: [1, 2]))).hasPrefix("outOfOrder"))
    #expect(
      refusal(.observe(.init(layer: 0, requests: [77, 78], ids: [1, 2, 3, 16])))
        == "badChoice: request 78: expert 16 is not one of 16; ids count from 0")
    #expect(refusal(.observe(.init(layer: 0, requests: [77], ids: [1, 1]))).hasPrefix("badChoice"))
    #expect(
      refusal(.observe(.init(layer: 0, requests: [77], ids: [1])))
        == "badArgument: 1 ids for 1 requests; a choice has 2 places")
    #expect(
      refusal(.forecast(.init(top: 17, layer: 0, requests: [77])))
        == "badArgument: 17 experts cannot be told; 1 to 16 can")
    #expect(
      refusal(.forecast(.init(predictor: 2, top: 1, layer: 0, requests: [77]))).hasPrefix(
        "badArgument: there is no predictor 2"))
    #expect(client.progress(of: 77)?.known == 0)
    _ = client.answer(.flush)
    #expect(sample.service.model.live.standing.tokensLearnt == 0)
    #expect(sample.service.metrics.now.refusals[.badChoice] == 2)
  }

  @Test func aClientsOldestRequestIsForgottenAndOthersStay() throws {
    let sample = try ServiceSample { $0.limits.requestsPerClient = 2 }
    let (one, other) = (sample.service.client(), sample.service.client())
    _ = other.answer(.begin(.init(request: 1)))
    for request in 1...3 { _ = one.answer(.begin(.init(request: UInt64(request)))) }
    #expect(one.progress(of: 1) == nil && one.progress(of: 2) != nil)
    #expect(one.progress(of: 3) != nil && other.progress(of: 1) != nil)
  }

  @Test func beyondTheLimitOfAllARequestIsRefused() throws {
    let sample = try ServiceSample { $0.limits.requests = 2 }
    let client = sample.service.client()
    _ = client.answer(.begin(.init(request: 1)))
    _ = client.answer(.begin(.init(request: 2)))
    let refusal = client.answer(.begin(.init(request: 3))).refusal
    #expect(refusal?.status == .noRoom)
    #expect(refusal?.text.hasPrefix("2 requests are under way, and no more are taken") == true)
    #expect(try ServiceSample.token(client.answer).allSatisfy { $0.refusal == nil })
  }

  @Test func whoHoldsTooMuchMemoryBeginsNoRequest() throws {
    let sample = try ServiceSample { $0.limits.memoryBytes = 1 << 20 }
    let client = sample.service.client()
    _ = client.answer(.begin(.init(request: 1)))
    sample.service.note(memory: 2 << 20)
    #expect(client.answer(.begin(.init(request: 2))).refusal?.status == .noRoom)
    #expect(try ServiceSample.token(client.answer).allSatisfy { $0.refusal == nil })
    sample.service.note(memory: 1 << 19)
    #expect(client.answer(.begin(.init(request: 2))) == .done)
  }

  @Test func whileTooMuchWaitsNoTokenIsOpened() throws {
    let sample = try ServiceSample { $0.limits.waitingTokens = 0 }
    let client = sample.service.client()
    _ = client.answer(.begin(.init(request: 1)))
    #expect(client.answer(.open(.init(requests: [1], stages: [1]))).refusal?.status == .busy)
    #expect(client.progress(of: 1)?.known == nil)
  }
}
