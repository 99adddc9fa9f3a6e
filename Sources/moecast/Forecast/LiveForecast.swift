import Counting
import Export
import FoundationEssentials
import Prequential
import RoutingTrace
import SystemPackage

/// `forecast --live`: an engine's questions, a line each, answered by a line each.
struct LiveForecast {
  /// What a line asks or tells.
  private struct Question: Decodable {
    var request: UInt64
    var stage: String?
    var task: String?
    var layer: Int?
    var experts: [Int]?
    var end: Bool?
  }

  /// A line that cannot be used, and why.
  private struct Refusal: Error {
    var text: String
  }

  private var learner: Learner
  private let predictor: Int
  private let ranking: ForecastRanking
  private let learns: Bool
  private let horizon: Int
  /// Requests under way: as many as the learner remembers.
  private var sessions: LiveSessions
  private var questions = 0

  /// Longest line taken.
  private static let longestLine = 1 << 20

  /// - Parameters:
  ///   - pass: the learner, and what is told of its forecasts.
  ///   - predictor: index into its predictors.
  init(_ pass: ForecastPass, of predictor: Int) {
    learner = pass.learner
    ranking = pass.ranking
    learns = pass.learns
    horizon = pass.horizon
    sessions = LiveSessions(capacity: learner.requests.capacity)
    self.predictor = predictor
  }

  /// Answers every line of `input` until its end, each before the next is read.
  ///
  /// - Throws: what reading or writing throws; ``ReaderIsGone`` where nobody reads the answers.
  mutating func serve(_ input: FileDescriptor, to answers: OutputSink) throws {
    var lines = LineInput(input, limit: Self.longestLine)
    while let line = try lines.next() {
      if case .text(let text) = line, text.allSatisfy(\.isWhitespace) { continue }
      try answers.write(Array((answer(to: line) + "\n").utf8))
    }
  }

  /// The answer to a line, without its end; several lines where several layers can be forecast.
  mutating func answer(to line: LineInput.Line) -> String {
    questions += 1
    do {
      guard case .text(let line) = line else {
        throw Refusal(text: "the line is longer than \(Self.longestLine) bytes")
      }
      let question: Question
      do {
        question = try JSONDecoder().decode(Question.self, from: Data(line.utf8))
      } catch {
        throw Refusal(
          text: "not a JSON object with request, and stage or layer and experts, of their types")
      }
      return try answer(to: question)
    } catch {
      let text = (error as? Refusal)?.text ?? "\(error)"
      return "{\"error\": \(Self.quoted(text)), \"line\": \(questions)}"
    }
  }

  private mutating func answer(to question: Question) throws -> String {
    let number = question.request
    if question.end == true {
      guard sessions.end(number) else {
        throw Refusal(text: "request \(number) is not under way")
      }
      return "{\"request\": \(number), \"ended\": true}"
    }
    let stage = try stage(of: question)
    // All is looked at before anything is opened or observed.
    let known = sessions[number]?.known
    try check(question, known: known ?? 0)
    guard known == nil || question.stage == nil || question.layer != nil else {
      throw Refusal(text: "a token of request \(number) is open; its stage was told")
    }
    let session = sessions.use(number) { [learner] in
      learner.session(of: number, task: question.task ?? "")
    }
    if known == nil { try learner.open(stage, in: session) }
    if let experts = question.experts {
      try learner.observe(
        experts.map { UInt16(clamping: $0) }, layer: known ?? 0, in: session)
    }
    guard session.known == learner.shape.layers else { return try forecasts(session) }
    let token = try learner.close(session)
    if learns { try learner.learn([token]) }
    return "{\"request\": \(number), \"token\": \(token.position), \"closed\": true}"
  }

  /// The lines of the forecasts that are due as far as the open token is known.
  private func forecasts(_ session: LearnerSession) throws -> String {
    let (number, position, known) = (session.request, session.position, session.known ?? 0)
    let due = ForecastPass.forecastable(
      known: known, horizon: horizon, layers: learner.shape.layers)
    let lines = try due.map { layer in
      let (experts, chances) = ranking.best(
        of: try learner.forecast(layer, by: predictor, in: session))
      return ForecastJSONLines.line(
        RankedForecast(
          request: number, position: position, stage: session.stage, layer: layer,
          horizon: horizon, experts: experts, chances: chances),
        layer: learner.shape.modelLayers[layer])
    }
    guard !lines.isEmpty else {
      return "{\"request\": \(number), \"token\": \(position), \"known\": \(known)}"
    }
    return lines.joined(separator: "\n")
  }

  /// Throws where the layer is not the next, or the experts are no choice.
  private func check(_ question: Question, known: Int) throws {
    let shape = learner.shape
    guard let layer = question.layer else {
      guard question.experts == nil else { throw Refusal(text: "experts without a layer") }
      return
    }
    guard let experts = question.experts else { throw Refusal(text: "a layer without experts") }
    guard layer == shape.modelLayers[known] else {
      throw Refusal(
        text: "layer \(layer) is out of order; layer \(shape.modelLayers[known]) is next")
    }
    guard experts.count <= shape.topK else {
      throw Refusal(text: "\(experts.count) experts; a token takes \(shape.topK) at most")
    }
    if let id = experts.first(where: { !(0..<shape.experts).contains($0) }) {
      throw Refusal(text: "expert \(id) is outside 0 to \(shape.experts - 1)")
    }
    guard Set(experts).count == experts.count else { throw Refusal(text: "an expert twice") }
  }

  private func stage(of question: Question) throws -> Stage {
    guard let name = question.stage else { return .decode }
    guard let stage = Stage.allCases.first(where: { $0.name == name }) else {
      throw Refusal(text: "stage is prefill or decode")
    }
    return stage
  }

  /// A text as JSON has it.
  private static func quoted(_ text: String) -> String {
    (try? JSONEncoder().encode(text)).map { String(decoding: $0, as: UTF8.self) } ?? "\"\""
  }
}
