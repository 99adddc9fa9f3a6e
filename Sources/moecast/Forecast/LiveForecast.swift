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

  /// A request under way.
  private struct Live {
    let session: LearnerSession
    /// Layers of the open token that are known; nil where none is open.
    var known: Int?
    /// Tokens closed.
    var tokens = 0
    /// The question by which it was asked of last.
    var last: Int
  }

  private var learner: Learner
  private let predictor: Int
  private let ranking: ForecastRanking
  private let learns: Bool
  private let horizon: Int
  private var requests: [UInt64: Live] = [:]
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
      guard requests.removeValue(forKey: number) != nil else {
        throw Refusal(text: "request \(number) is not under way")
      }
      return "{\"request\": \(number), \"ended\": true}"
    }
    let stage = try stage(of: question)
    var live = requests[number] ?? begin(question)
    live.last = questions
    if live.known == nil {
      // Nothing is opened for a choice that would be refused.
      try check(question, known: 0)
      try learner.open(stage, in: live.session)
      live.known = 0
    } else {
      try check(question, known: live.known ?? 0)
      if question.stage != nil, question.layer == nil {
        throw Refusal(text: "a token of request \(number) is open; its stage was told")
      }
    }
    requests[number] = live
    if let layer = question.layer { try observe(question, layer, &live) }
    requests[number] = live
    guard let known = live.known else {
      return "{\"request\": \(number), \"token\": \(live.tokens - 1), \"closed\": true}"
    }
    return try forecasts(number, live, known: known)
  }

  /// Takes a choice in, and closes the token with its last layer.
  private mutating func observe(
    _ question: Question, _ layer: Int, _ live: inout Live
  ) throws {
    let known = live.known ?? 0
    try learner.observe(
      (question.experts ?? []).map { UInt16(clamping: $0) }, layer: known, in: live.session)
    live.known = known + 1
    guard known + 1 == learner.shape.layers else { return }
    let token = try learner.close(live.session)
    live.known = nil
    live.tokens += 1
    if learns { try learner.learn([token]) }
  }

  /// The lines of the forecasts that are due when `known` layers are known.
  private func forecasts(_ number: UInt64, _ live: Live, known: Int) throws -> String {
    let due = ForecastPass.forecastable(
      known: known, horizon: horizon, layers: learner.shape.layers)
    let lines = try due.map { layer in
      let (experts, chances) = ranking.best(
        of: try learner.forecast(layer, by: predictor, in: live.session))
      return ForecastJSONLines.line(
        RankedForecast(
          request: number, position: live.tokens, stage: live.session.stage, layer: layer,
          horizon: horizon, experts: experts, chances: chances),
        layer: learner.shape.modelLayers[layer])
    }
    guard !lines.isEmpty else {
      return "{\"request\": \(number), \"token\": \(live.tokens), \"known\": \(known)}"
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

  /// A request that begins; the one that was asked of longest ago makes room for it.
  private mutating func begin(_ question: Question) -> Live {
    if requests.count >= learner.requests.capacity,
      let oldest = requests.min(by: { $0.value.last < $1.value.last })
    {
      requests[oldest.key] = nil
    }
    return Live(
      session: learner.session(of: question.request, task: question.task ?? ""), last: questions)
  }

  /// A text as JSON has it.
  private static func quoted(_ text: String) -> String {
    (try? JSONEncoder().encode(text)).map { String(decoding: $0, as: UTF8.self) } ?? "\"\""
  }
}
