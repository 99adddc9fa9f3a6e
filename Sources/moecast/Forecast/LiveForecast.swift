import Counting
import Export
import FoundationEssentials
import Live
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

  private let live: LiveForecaster
  private let predictor: Int
  private let ranking: ForecastRanking
  private var questions = 0
  /// Room for a forecast of all experts that are told at most.
  private var ranked: [UInt16]
  private var chances: [Float]

  /// Longest line taken.
  private static let longestLine = 1 << 20

  /// - Parameters:
  ///   - pass: the learner, and what is told of its forecasts.
  ///   - predictor: index into its predictors.
  init(_ pass: ForecastPass, of predictor: Int) throws {
    var options = LiveForecaster.Options()
    options.learns = pass.learns
    // As many as the learner remembers.
    options.maximumRequests = pass.learner.requests.capacity
    live = try LiveForecaster(pass.learner, options: options)
    ranking = pass.ranking
    self.predictor = predictor
    ranked = Array(repeating: 0, count: min(ranking.top, live.shape.experts))
    chances = Array(repeating: 0, count: ranked.count)
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
      try live.end([number].span)
      return "{\"request\": \(number), \"ended\": true}"
    }
    let stage = try stage(of: question)
    // All is looked at before anything is opened or observed.
    let known = live.progress(of: number)?.known
    let ids = try ids(of: question, known: known ?? 0)
    guard known == nil || question.stage == nil || question.layer != nil else {
      throw Refusal(text: "a token of request \(number) is open; its stage was told")
    }
    if live.progress(of: number) == nil { try live.begin(number, task: question.task ?? "") }
    if known == nil { try live.open([number].span) { _ in stage } }
    if let ids { try live.observe([number].span, layer: known ?? 0, ids: ids.span) }
    guard let progress = live.progress(of: number) else { return "" }
    guard progress.known == nil else { return try forecasts(of: number, progress) }
    // The next forecast is to know it, whenever it is asked for.
    try live.flush()
    return "{\"request\": \(number), \"token\": \(progress.position - 1), \"closed\": true}"
  }

  /// The lines of the forecasts that are due as far as the open token is known.
  private mutating func forecasts(
    of number: UInt64, _ progress: LiveForecaster.Progress
  ) throws -> String {
    let known = progress.known ?? 0
    let horizon = live.horizons[predictor]
    let due = ForecastPass.forecastable(known: known, horizon: horizon, layers: live.shape.layers)
    let lines = try due.map { layer in
      try ranked.withUnsafeMutableBufferPointer { ranked in
        try chances.withUnsafeMutableBufferPointer { chances in
          try live.forecast(
            layer, by: predictor, of: [number].span, top: ranked.count, ranked: ranked,
            chances: chances)
        }
      }
      let told = chances.prefix { Double($0) >= ranking.above }.count
      return ForecastJSONLines.line(
        RankedForecast(
          request: number, position: progress.position, stage: progress.stage, layer: layer,
          horizon: horizon, experts: Array(ranked.prefix(told)),
          chances: Array(chances.prefix(told))),
        layer: live.shape.modelLayers[layer])
    }
    guard !lines.isEmpty else {
      return "{\"request\": \(number), \"token\": \(progress.position), \"known\": \(known)}"
    }
    return lines.joined(separator: "\n")
  }

  /// The experts as a row of ids; nil where the line brings none.
  private func ids(of question: Question, known: Int) throws -> [UInt16]? {
    let shape = live.shape
    guard let layer = question.layer else {
      guard question.experts == nil else { throw Refusal(text: "experts without a layer") }
      return nil
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
    let empty = repeatElement(TokenBlock.emptySlot, count: shape.topK - experts.count)
    return experts.map { UInt16($0) } + empty
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
