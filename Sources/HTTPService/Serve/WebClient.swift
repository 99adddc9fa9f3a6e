import Foundation
import Moecast
import Service
import ServiceProtocol

/// The one client of a service that all of HTTP is: requests under numbers that its users agree on.
///
/// Unchecked: the session is touched behind the lock alone.
final class WebClient: @unchecked Sendable {
  private let lock = NSLock()
  private let service: ForecastService
  private let session: ClientSession

  init(_ service: ForecastService) {
    self.service = service
    session = service.client()
  }

  /// Answers a body with JSON.
  ///
  /// - Throws: `Service/Refusal`. Of a list, what stands before the object that is refused was done,
  ///   and the words say which it was.
  func answer(
    _ body: [UInt8], _ each: (WebClient) -> (JSONQuestion) throws -> String
  ) throws -> String {
    let (isList, questions) = try JSONQuestion.all(
      in: body, limit: service.limits.requestsPerMessage)
    return try lock.withLock {
      var answers: [String] = []
      for (index, question) in questions.enumerated() {
        do { answers.append(try each(self)(question)) } catch var refusal as Refusal {
          if isList { refusal.description = "object \(index): \(refusal.description)" }
          throw refusal
        }
      }
      return isList ? "[\(answers.joined(separator: ",\n"))]\n" : answers[0] + "\n"
    }
  }

  /// Begins a request where it is not under way, opens its token where none is open, and observes
  /// the layer where one is told; or ends it.
  func observe(_ question: JSONQuestion) throws -> String {
    session.followCurrentModel()
    let question = question.said
    let number = question.request
    if question.end == true {
      try ask(.end([number]))
      return question.ended
    }
    let known = session.progress(of: number)?.known
    let (stage, ids) = try told(question, known: known)
    if session.progress(of: number) == nil {
      try ask(.begin(.init(request: number, task: question.task ?? "")))
    }
    if known == nil { try ask(.open(.init(requests: [number], stages: [stage.rawValue]))) }
    if let ids {
      try ask(.observe(.init(layer: UInt32(known ?? 0), requests: [number], ids: ids)))
    }
    return session.progress(of: number).map(question.answer) ?? "{}"
  }

  /// What a question tells of a token: its stage, and the next layer's choice where it has one.
  private func told(
    _ question: LiveQuestion, known: Int?
  ) throws(Refusal) -> (stage: Stage, ids: [UInt16]?) {
    do throws(LiveQuestion.Problem) {
      return (
        try question.knownStage(), try question.row(of: service.model.live.shape, known: known)
      )
    } catch {
      let status: Status =
        switch error.kind {
        case .malformed: .badArgument
        case .outOfOrder: .outOfOrder
        case .badChoice: .badChoice
        }
      throw Refusal(status, error.description)
    }
  }

  /// Forecasts a layer of the request's open token, that which is due unless one is named.
  func forecast(_ question: JSONQuestion) throws -> String {
    session.followCurrentModel()
    let live = service.model.live
    let number = question.said.request
    guard let progress = session.progress(of: number) else {
      throw Refusal(.unknownRequest, "request \(number) is not under way; observe it first")
    }
    // As moecast forecast has it.
    var predictor = live.predictors.count - 1
    if let name = question.predictor {
      guard let index = live.predictors.firstIndex(of: name) else {
        throw Refusal(
          .badArgument,
          "there is no predictor '\(name)'; there are \(live.predictors.joined(separator: ", "))")
      }
      predictor = index
    }
    let horizon = live.horizons[predictor]
    var layer = (progress.known ?? 0) + max(1, horizon) - 1
    if let told = question.said.layer {
      guard let index = live.shape.modelLayers.firstIndex(of: told) else {
        throw Refusal(.badArgument, "layer \(told) is no MoE layer of this model")
      }
      layer = index
    }
    let top = question.top ?? min(2 * live.shape.topK, live.shape.experts)
    guard let top = UInt32(exactly: top), layer < live.shape.layers else {
      throw Refusal(
        layer < live.shape.layers ? .badArgument : .outOfOrder,
        layer < live.shape.layers
          ? "top is a number from 1" : "no layer of request \(number) is due; observe the next")
    }
    guard
      case .ranked(let batch) = try ask(
        .forecast(
          .init(
            predictor: UInt32(predictor), top: top, layer: UInt32(layer), requests: [number])))
    else { return "{}" }
    return ForecastJSONLines.line(
      RankedForecast(
        request: number, position: progress.position, stage: progress.stage, layer: layer,
        horizon: horizon, experts: batch.ranked, chances: batch.chances),
      layer: live.shape.modelLayers[layer])
  }

  @discardableResult
  private func ask(_ request: Request) throws -> Reply {
    let reply = session.answer(request)
    if case .refused(let status, let text) = reply { throw Refusal(status, text) }
    return reply
  }
}
