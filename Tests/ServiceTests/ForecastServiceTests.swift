import Live
import ModelFile
import Prequential
import RoutingTrace
import ServiceProtocol
import TestSupport
import Testing

@testable import Service

@Suite struct ForecastServiceTests {
  @Test func whatIsSavedIsThereForTheNext() throws {
    var sample: ServiceSample? = try ServiceSample()
    let path = try #require(sample?.model)
    let folder = try #require(sample?.folder)
    do {
      let client = try #require(sample?.service.client())
      _ = client.answer(.begin(.init(request: 1)))
      for _ in 0..<5 { _ = try ServiceSample.token(client.answer) }
      #expect(client.answer(.save) == .saved(tokens: 5))
      _ = try ServiceSample.token(client.answer)
      guard case .counts(let counts) = client.answer(.counts) else {
        Issue.record("no counts")
        return
      }
      #expect(counts.tokensSaved == 5)
    }
    sample = nil
    let next = try ForecastService(model: path)
    #expect(next.model.live.standing.tokensLearnt == 5)
    #expect(next.warnings.isEmpty)
    withExtendedLifetime(folder) {}
  }

  @Test func twoServicesDoNotKeepOneFile() throws {
    let sample = try ServiceSample()
    #expect(throws: ModelError.self) { try ForecastService(model: sample.model) }
    var options = ForecastService.Options()
    options.learns = false
    let frozen = try ForecastService(model: sample.model, options: options)
    #expect(frozen.client().answer(.save).refusal?.status == .mismatch)
  }

  @Test func whatHasEndedLetsGoOfTheFile() throws {
    let sample = try ServiceSample()
    try sample.service.finish()
    #expect(throws: Refusal.self) { try sample.service.save() }
    // Others may hold the old one still.
    let next = try ForecastService(model: sample.model)
    #expect(next.warnings.isEmpty)
  }

  @Test func aServiceMayBeginWithNothing() throws {
    let folder = try TemporaryFolder()
    #expect(throws: ModelError.self) { try ForecastService(model: folder.file("m.h5")) }
    let service = try ForecastService(
      model: folder.file("m.h5"), beginning: ServiceSample.learner())
    try service.save()
    #expect(try Checkpoint.read(folder.file("m.h5")).learner.total(\.tokens) == 0)
  }

  @Test func aModelOfTheSameShapeTakesThePlace() throws {
    let sample = try ServiceSample()
    let client = sample.service.client()
    _ = client.answer(.begin(.init(request: 1)))
    for _ in 0..<3 { _ = try ServiceSample.token(client.answer) }
    let other = sample.folder.file("other.h5")
    try Checkpoint.write(ServiceSample.learner(), to: other)
    try sample.service.replace(byFile: other)
    #expect(sample.service.model.live.standing.tokensLearnt == 0)
    #expect(
      client.answer(.open(.init(requests: [1], stages: [1]))).refusal?.status == .unknownRequest)
    #expect(client.answer(.begin(.init(request: 1))) == .done)
    #expect(try Checkpoint.read(sample.model).learner.total(\.tokens) == 0)
    #expect(try Checkpoint.read(sample.model + ".1").learner.total(\.tokens) == 3)
  }

  @Test func anotherModelIsRefusedAndTheOldOneGoesOn() throws {
    let sample = try ServiceSample()
    let client = sample.service.client()
    _ = client.answer(.begin(.init(request: 1)))
    let other = sample.folder.file("other.h5")
    try Checkpoint.write(ServiceSample.learner(name: "large", experts: 32), to: other)
    #expect(throws: Refusal.self) { try sample.service.replace(byFile: other) }
    #expect(throws: ModelError.self) {
      try sample.service.replace(byFile: sample.folder.file("absent.h5"))
    }
    #expect(try ServiceSample.token(client.answer).allSatisfy { $0.refusal == nil })
  }
}
