import ServiceProtocol
import Testing

@testable import Service

@Suite struct ServiceStatusTests {
  @Test func durationsFallIntoDoublingBuckets() {
    var histogram = LatencyHistogram()
    for nanoseconds in [0, 1, 1000, 1001, 2000, 2001, 8_388_608_000, 8_388_608_001] as [UInt64] {
      histogram.note(nanoseconds)
    }
    #expect(histogram.counts.prefix(4) == [3, 2, 1, 0])
    #expect(histogram.counts.suffix(2) == [1, 1])
    #expect(histogram.count == 8)
    #expect(histogram.quantile(0.5) == 2000)
    #expect(histogram.quantile(1) == nil)
    var later = histogram
    later.note(5000)
    #expect(later.since(histogram).counts[3] == 1 && later.since(histogram).count == 1)
    #expect(LatencyHistogram().quantile(0.5) == nil)
  }

  @Test func prometheusReadsWhatWasDone() throws {
    let time = Ticks()
    let sample = try ServiceSample { $0.clock = { time.next() } }
    let client = sample.service.client()
    _ = client.answer(.begin(.init(request: 1)))
    for _ in 0..<4 { _ = try ServiceSample.token(client.answer) }
    _ = client.answer(.end([2]))
    _ = client.answer(.save)
    let text = ServiceStatus(of: sample.service).prometheus
    for line in [
      "# TYPE moecast_answer_seconds histogram",
      "moecast_events_observed_total 12", "moecast_live_requests 1",
      "moecast_tokens_learnt 4", "moecast_tokens_saved 4", "moecast_saves_total 1",
      "moecast_refusals_total{kind=\"unknownRequest\"} 1",
      "moecast_answer_seconds_count{request=\"step\"} 12",
      "moecast_answer_seconds_bucket{request=\"step\",le=\"+Inf\"} 12",
      "moecast_answer_seconds_bucket{request=\"step\",le=\"1e-06\"} 12",
      "moecast_answer_seconds_sum{request=\"step\"} 1.2e-05",
      "moecast_events_scored_total{predictor=\"mixture-fast\"} 12",
    ] {
      #expect(text.split(separator: "\n").contains(Substring(line)), "\(line)")
    }
    #expect(text.contains("moecast_recall{predictor=\"layer-markov\",n=\"2\"} "))
    for line in text.split(separator: "\n") where !line.hasPrefix("#") {
      #expect(line.wholeMatch(of: /[a-z_]+(\{[^}]*\})? -?[0-9.e+-]+/) != nil, "\(line)")
    }
  }

  @Test func samplesTellWhatHappenedSinceTheOneBefore() throws {
    let sample = try ServiceSample()
    let history = ServiceHistory(capacity: 2, now: 0)
    let client = sample.service.client()
    _ = client.answer(.begin(.init(request: 1)))
    _ = try ServiceSample.token(client.answer)
    _ = client.answer(.flush)
    history.note(ServiceStatus(of: sample.service), now: 2_000_000_000)
    history.note(ServiceStatus(of: sample.service), now: 3_000_000_000)
    #expect(history.samples.map(\.at) == [2, 3])
    #expect(history.samples.map(\.observed) == [1.5, 0])
    #expect(history.samples[0].median != nil && history.samples[1].median == nil)
    #expect(history.samples[0].recall != nil && history.samples[1].recall == nil)
    history.note(ServiceStatus(of: sample.service), now: 4_000_000_000)
    #expect(history.samples.map(\.at) == [3, 4])
  }
}

/// A clock that a microsecond passes on whenever it is looked at.
private final class Ticks: @unchecked Sendable {
  // Only the test's own thread looks.
  private var now: UInt64 = 0

  func next() -> UInt64 {
    now += 1000
    return now
  }
}
