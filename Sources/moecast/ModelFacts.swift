import Counting
import Forecast
import ModelFile
import Prequential
import RoutingTrace

/// What `inspect` and `merge` tell of a model; the keys of `--json`.
struct ModelFacts: Encodable, Shown {
  let kind = "model"
  var shape: TraceFacts.Shape?
  var software = ""
  var predictors: [String] = []
  var requests: UInt64 = 0
  var tokens: UInt64 = 0
  var events: UInt64 = 0
  var chunks: UInt64 = 0
  /// Requests under way that a resumed training goes on with.
  var liveRequests = 0
  var bytes = 0
  /// What was learnt before the model's own stream, the oldest first.
  var past: [Past] = []
  /// The model's own stream, where it has begun behind a past.
  private var own: Past?
  /// How well each predictor forecast the model's own stream; empty where none has begun.
  var accuracy = Report<PredictorAccuracy>([], [])
  /// A mixture's parts and what each counts, the mean over the layers.
  var weights: [String: [String: Double]] = [:]
  /// Whether the seal at the end of the file is there.
  var sealed = false
  /// Whether every checksum, digest, type, range and total agrees.
  var intact = false
  /// What is wrong, where something is.
  var problems: [String] = []
  private var summary = ""
  /// The recall of the last predictor from one note of the history to the next.
  private var learning: (name: String, n: Int, recall: [Double])?

  /// A generation of what a model had learnt before its own stream.
  struct Past: Encodable {
    /// Streams that were learnt, merged where there are several.
    var streams: Int
    var requests: UInt64
    var tokens: UInt64
    var chunks: UInt64

    init(_ generation: Generation) {
      streams = generation.streams
      requests = generation.learnt.requests
      tokens = generation.learnt.tokens
      chunks = generation.learnt.chunks
    }

    /// Whose knowledge it is and how much, for people.
    var text: String {
      (streams == 1 ? "an older model" : "a merge of \(grouped(streams)) streams") + size
    }

    /// Behind whose it is.
    private var size: String {
      ": \(counted(requests, "request")), \(counted(tokens, "token")), \(counted(chunks, "chunk"))"
    }

    /// The same of the model's own stream.
    var textOfOwn: String { "its own stream" + size }
  }

  enum CodingKeys: String, CodingKey {
    case kind, shape, software, predictors, requests, tokens, events, chunks, bytes, past,
      accuracy, weights
    case sealed, intact, problems
    case liveRequests = "live_requests"
  }

  /// Reads and verifies the whole model.
  ///
  /// - Throws: ``ModelError`` where it cannot be opened or is no model; damage is told, not thrown.
  init(of file: String) throws(ModelError) {
    let inspection: ModelInspection
    do throws(ModelError) { inspection = try ModelInspection(verifying: file) } catch {
      guard error.kind != .access, error.kind != .notAModel else { throw error }
      problems = [error.problem]
      return
    }
    tell(inspection.learner)
    bytes = inspection.bytes
    software = inspection.header.software
    sealed = inspection.isSealed
    intact = inspection.isIntact
    problems = inspection.problems
  }

  private mutating func tell(_ learner: Learner) {
    let shape = learner.shape
    summary = shape.description
    self.shape = TraceFacts.Shape(shape)
    predictors = learner.predictors
    requests = learner.total(\.requests)
    tokens = learner.total(\.tokens)
    events = learner.total(\.events)
    chunks = learner.total(\.chunks)
    past = learner.past.map(Past.init)
    if !past.isEmpty, learner.progress.tokens > 0 { own = Past(Generation(learner.progress)) }
    liveRequests = learner.requests.count
    weights = learner.mixtureWeights.mapValues { parts in
      Dictionary(uniqueKeysWithValues: parts.map { ($0.part, $0.mean) })
    }
    // Figures of earlier generations were measured by learners that knew less.
    guard learner.progress.tokens > 0 || learner.past.isEmpty else { return }
    learning = Self.learning(of: learner)
    let rows = learner.predictors.enumerated().map { index, name in
      let score = learner.score(of: index, stages: Stage.allCases)
      let recall = learner.recallAt.compactMap { n in score.recall(at: n).map { ("\(n)", $0) } }
      return PredictorAccuracy(
        predictor: name, recall: Dictionary(uniqueKeysWithValues: recall),
        logLossBits: score.logLossBits)
    }
    accuracy = Report(PredictorAccuracy.columns(recallAt: learner.recallAt), rows)
  }

  /// The recall of the learner's last predictor between the notes of its history.
  private static func learning(of learner: Learner) -> (name: String, n: Int, recall: [Double])? {
    guard let name = learner.predictors.last, !learner.recallAt.isEmpty else { return nil }
    let place = learner.recallAt.firstIndex(of: learner.shape.topK) ?? 0
    var (hits, chosen) = (UInt64(0), UInt64(0))
    let recall = learner.history.compactMap { row -> Double? in
      guard let sums = row.predictors.last, sums.chosen > chosen else { return nil }
      defer { (hits, chosen) = (sums.hits[place], sums.chosen) }
      return Double(sums.hits[place] - hits) / Double(sums.chosen - chosen)
    }
    return (name, learner.recallAt[place], recall)
  }

  func lines(on terminal: Terminal) -> [Line] {
    var lines: [Line] = []
    func tell(_ text: String) {
      let width = terminal.width.map { text.count > $0 ? $0 : .max } ?? .max
      lines += (width < .max ? filled(text, width: width, indent: "  ") : text).lines(on: terminal)
    }
    if shape != nil {
      for line in [
        "model       \(visible(summary))",
        "requests    \(grouped(requests)), \(grouped(liveRequests)) live",
        "tokens      \(grouped(tokens))", "events      \(grouped(events))",
        "chunks      \(grouped(chunks))",
        "file        \(moecast.bytes(bytes)), by \(visible(software))",
      ] { tell(line) }
      for (index, generation) in past.enumerated() {
        tell((index == 0 ? "from        " : "            ") + generation.text)
      }
      if let own { tell("then        \(own.textOfOwn), of which the figures are") }
      if accuracy.rows.isEmpty {
        tell("accuracy    not known: it has learnt nothing since; `moecast evaluate` measures it")
      } else {
        lines += accuracy.lines(on: terminal)
      }
      if terminal.width != nil, let learning, learning.recall.count > 1 {
        tell(
          "learning    \(sparkline(condensed(learning.recall, to: 40))) recall@\(learning.n) of "
            + "\(learning.name), \(decimals(learning.recall.min() ?? 0, 3)) to "
            + decimals(learning.recall.max() ?? 0, 3))
      }
      for (name, parts) in weights.sorted(by: { $0.key < $1.key }) {
        let parts = parts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        tell(
          "weights of \(visible(name)): "
            + parts.map { "\($0.key) \(decimals($0.value, 2))" }.joined(separator: ", "))
      }
    }
    let seal = sealed ? "yes" : "yes, though without its seal: another program edited it"
    let verdict =
      intact ? seal : "no: " + problems.map { visible($0) }.joined(separator: "\n            ")
    return lines
      + "intact      \(verdict)".lines(on: terminal).map { Line($0.text, intact ? .plain : .red) }
  }
}
