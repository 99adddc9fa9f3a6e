import Live
import ServiceProtocol

extension ServiceStatus {
  /// The figures as Prometheus reads them (text format 0.0.4).
  public var prometheus: String {
    var text = MetricsText()
    text.add("moecast_events_observed_total", .counter, "Events observed", figures.observed)
    text.add("moecast_events_forecast_total", .counter, "Events forecast", figures.forecast)
    text.add(
      "moecast_tokens_learnt", .gauge, "Tokens that the model has learnt", standing.tokensLearnt)
    text.add(
      "moecast_tokens_waiting", .gauge, "Closed tokens that are not learnt yet",
      standing.tokensWaiting)
    text.add("moecast_live_requests", .gauge, "Requests under way", standing.requests)
    text.add("moecast_connections", .gauge, "Clients of the socket", figures.connections)
    text.add(
      "moecast_clients_shed_total", .counter, "Clients turned away or let go", figures.shed)
    text.head("moecast_refusals_total", .counter, "Requests refused, by their kind")
    for (status, count) in figures.refusals.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
      text.line("moecast_refusals_total", ["kind": "\(status)"], count)
    }
    text.add("moecast_saves_total", .counter, "Checkpoints written", figures.saves)
    text.add(
      "moecast_failed_saves_total", .counter, "Checkpoints that failed", figures.failedSaves)
    if let saved {
      text.add("moecast_tokens_saved", .gauge, "Tokens in the checkpoint", saved.tokens)
      text.add(
        "moecast_checkpoint_age_seconds", .gauge, "Age of the checkpoint", saved.seconds)
    }
    addAccuracy(to: &text)
    text.head(
      "moecast_answer_seconds", .histogram, "Time from a request to its answer, by its kind")
    for (name, histogram) in figures.latencies.sorted(by: { $0.key < $1.key }) {
      text.add("moecast_answer_seconds", ["request": name], histogram)
    }
    return text.text
  }

  private func addAccuracy(to text: inout MetricsText) {
    text.head(
      "moecast_events_scored_total", .counter, "Events scored, each before it was learnt")
    for predictor in predictors {
      text.line("moecast_events_scored_total", ["predictor": predictor.name], predictor.events)
    }
    text.head(
      "moecast_recall", .gauge, "Share of the chosen experts among the n best forecast, so far")
    for predictor in predictors {
      var told: Set<Int> = []
      for (n, value) in predictor.recall where told.insert(n).inserted {
        guard let value else { continue }
        text.line("moecast_recall", ["predictor": predictor.name, "n": "\(n)"], value)
      }
    }
    text.head("moecast_log_loss_bits", .gauge, "Bits an expert chosen, so far")
    for predictor in predictors {
      guard let bits = predictor.logLossBits else { continue }
      text.line("moecast_log_loss_bits", ["predictor": predictor.name], bits)
    }
  }
}

/// Lines of Prometheus' text format.
private struct MetricsText {
  enum Kind: String {
    case counter, gauge, histogram
  }

  private(set) var text = ""

  /// The two lines before a figure's values.
  mutating func head(_ name: String, _ kind: Kind, _ help: String) {
    text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
  }

  /// One value.
  mutating func line(_ name: String, _ labels: KeyValuePairs<String, String>, _ value: some Any) {
    let written = labels.map { "\($0)=\"\(Self.escaped($1))\"" }.joined(separator: ",")
    text += labels.isEmpty ? "\(name) \(value)\n" : "\(name){\(written)} \(value)\n"
  }

  /// A figure of one value.
  mutating func add(_ name: String, _ kind: Kind, _ help: String, _ value: some Any) {
    head(name, kind, help)
    line(name, [:], value)
  }

  /// A histogram's buckets, each with all shorter ones, their sum and count.
  mutating func add(
    _ name: String, _ labels: KeyValuePairs<String, String>, _ histogram: LatencyHistogram
  ) {
    guard let (key, value) = labels.first else { return }
    var seen: UInt64 = 0
    for (bound, count) in zip(LatencyHistogram.bounds, histogram.counts) {
      seen += count
      line("\(name)_bucket", [key: value, "le": "\(Double(bound) / 1e9)"], seen)
    }
    line("\(name)_bucket", [key: value, "le": "+Inf"], histogram.count)
    line("\(name)_sum", [key: value], Double(histogram.sum) / 1e9)
    line("\(name)_count", [key: value], histogram.count)
  }

  private static func escaped(_ text: String) -> String {
    text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
  }
}
