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
  /// How well each predictor forecast the stream it was trained on.
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

  enum CodingKeys: String, CodingKey {
    case kind, shape, software, predictors, requests, tokens, events, chunks, bytes, accuracy,
      weights
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
    requests = learner.progress.requests
    tokens = learner.progress.tokens
    events = learner.progress.events
    chunks = learner.progress.chunks
    liveRequests = learner.requests.count
    weights = learner.mixtureWeights.mapValues { parts in
      Dictionary(uniqueKeysWithValues: parts.map { ($0.part, $0.mean) })
    }
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
      lines.append(accuracy.text())
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
