import Counting
import Export
import FoundationEssentials
import Live
import Prequential
import RoutingTrace
import SystemPackage

/// `forecast --live`: an engine's questions, a line each, answered by a line each.
struct LiveForecast {
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
  ///   - learner: what has been learnt.
  ///   - predictor: index into its predictors.
  ///   - learns: whether it goes on learning.
  ///   - ranking: the experts that are told.
  init(_ learner: Learner, of predictor: Int, learns: Bool, ranking: ForecastRanking) throws {
    var options = LiveForecaster.Options()
    options.learns = learns
    // As many as the learner remembers.
    options.maximumRequests = learner.requests.capacity
    live = try LiveForecaster(learner, options: options)
    self.ranking = ranking
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
      let question: LiveQuestion
      do {
        question = try JSONDecoder().decode(LiveQuestion.self, from: Data(line.utf8))
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

  private mutating func answer(to question: LiveQuestion) throws -> String {
    let number = question.request
    if question.end == true {
      try live.end([number].span)
      return question.ended
    }
    let stage = try question.knownStage()
    // All is looked at before anything is opened or observed.
    let known = live.progress(of: number)?.known
    let ids = try question.row(of: live.shape, known: known)
    if live.progress(of: number) == nil { try live.begin(number, task: question.task ?? "") }
    if known == nil { try live.open([number].span) { _ in stage } }
    if let ids { try live.observe([number].span, layer: known ?? 0, ids: ids.span) }
    guard let progress = live.progress(of: number) else { return "" }
    guard progress.known == nil else { return try forecasts(for: question, progress) }
    // The next forecast is to know it, whenever it is asked for.
    try live.flush()
    return question.answer(progress)
  }

  /// The lines of the forecasts that are due as far as the open token is known.
  private mutating func forecasts(
    for question: LiveQuestion, _ progress: LiveForecaster.Progress
  ) throws -> String {
    let number = question.request
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
      let told = ranking.told(chances)
      return ForecastJSONLines.line(
        RankedForecast(
          request: number, position: progress.position, stage: progress.stage, layer: layer,
          horizon: horizon, experts: Array(ranked.prefix(told.count)), chances: Array(told)),
        layer: live.shape.modelLayers[layer])
    }
    return lines.isEmpty ? question.answer(progress) : lines.joined(separator: "\n")
  }

  /// A text as JSON has it.
  private static func quoted(_ text: String) -> String {
    (try? JSONEncoder().encode(text)).map { String(decoding: $0, as: UTF8.self) } ?? "\"\""
  }
}
