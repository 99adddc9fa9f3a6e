import Counting
import Forecast
import ModelFile
import Prequential
import RoutingTrace

/// What `inspect` and `merge` tell of a model; the keys of `--json`.
struct ModelFacts: Encodable, CustomStringConvertible {
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
      ": \(grouped(requests)) requests, \(grouped(tokens)) tokens, \(grouped(chunks)) chunks"
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
    let rows = learner.predictors.enumerated().map { index, name in
      let score = learner.score(of: index, stages: Stage.allCases)
      let recall = learner.recallAt.compactMap { n in score.recall(at: n).map { ("\(n)", $0) } }
      return PredictorAccuracy(
        predictor: name, recall: Dictionary(uniqueKeysWithValues: recall),
        logLossBits: score.logLossBits)
    }
    accuracy = Report(PredictorAccuracy.columns(recallAt: learner.recallAt), rows)
  }

  var description: String {
    var lines: [String] = []
    if shape != nil {
      lines += [
        "model       \(visible(summary))",
        "requests    \(grouped(requests)), \(grouped(liveRequests)) live",
        "tokens      \(grouped(tokens))", "events      \(grouped(events))",
        "chunks      \(grouped(chunks))",
        "file        \(moecast.bytes(bytes)), by \(visible(software))",
      ]
      for (index, generation) in past.enumerated() {
        lines.append((index == 0 ? "from        " : "            ") + generation.text)
      }
      if let own { lines.append("then        \(own.textOfOwn), of which the figures are") }
      lines.append(
        accuracy.rows.isEmpty
          ? "accuracy    not known: it has learnt nothing since; `moecast evaluate` measures it"
          : accuracy.text())
      for (name, parts) in weights.sorted(by: { $0.key < $1.key }) {
        let parts = parts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        lines.append(
          "weights of \(visible(name)): "
            + parts.map { "\($0.key) \(decimals($0.value, 2))" }.joined(separator: ", "))
      }
    }
    let seal = sealed ? "yes" : "yes, though without its seal: another program edited it"
    lines.append(
      "intact      "
        + (intact
          ? seal : "no: " + problems.map { visible($0) }.joined(separator: "\n            ")))
    return lines.joined(separator: "\n")
  }
}
