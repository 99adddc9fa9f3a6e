import Live
import Locking

/// The last minutes of a service, a sample at a time: what its charts show.
public final class ServiceHistory: Sendable {
  /// What happened since the sample before.
  public struct Sample: Sendable {
    /// Seconds since the service began.
    public var at: Double
    /// Events observed and forecast, a second.
    public var observed, forecast: Double
    /// Microseconds in which half, and 99 of 100, of all answers were given; nil where none was.
    public var median, slow: Double?
    /// Requests under way, and tokens that wait to be learnt.
    public var requests, waiting: Int
    /// Recall@K of the last predictor, of the events scored since then; nil where none was.
    public var recall: Double?
  }

  /// Samples that are kept.
  public let capacity: Int
  private let state: Guarded<State>

  private struct State {
    var samples: [Sample] = []
    var latencies = LatencyHistogram()
    var observed: UInt64 = 0
    var forecast: UInt64 = 0
    var events: UInt64 = 0
    var hits: Double = 0
    var at: UInt64
  }

  private let start: UInt64

  /// Begins now.
  ///
  /// - Parameter now: by the service's clock.
  public init(capacity: Int = 600, now: UInt64) {
    self.capacity = capacity
    start = now
    state = Guarded(State(at: now))
  }

  /// The samples, the oldest first.
  public var samples: [Sample] { state.withLock { $0.samples } }

  /// Takes a sample.
  ///
  /// - Parameters:
  ///   - status: how the service stands.
  ///   - now: by the service's clock.
  public func note(_ status: ServiceStatus, now: UInt64) {
    var latencies = LatencyHistogram()
    for (name, histogram) in status.figures.latencies
    where ["observe", "forecast", "step", "open"].contains(name) { latencies.add(histogram) }
    let last = status.predictors.last
    let recall = last.flatMap { $0.recall.count > 1 ? $0.recall[1].value : nil } ?? 0
    let events = last?.events ?? 0
    state.withLock { state in
      guard now > state.at else { return }
      let seconds = Double(now - state.at) / 1e9
      let since = latencies.since(state.latencies)
      let hits = recall * Double(events)
      state.samples.append(
        Sample(
          at: Double(now - start) / 1e9,
          observed: Double(status.figures.observed - state.observed) / seconds,
          forecast: Double(status.figures.forecast - state.forecast) / seconds,
          median: since.quantile(0.5).map { Double($0) / 1000 },
          slow: since.quantile(0.99).map { Double($0) / 1000 },
          requests: status.standing.requests, waiting: status.standing.tokensWaiting,
          recall: events > state.events
            ? min(1, max(0, (hits - state.hits) / Double(events - state.events))) : nil))
      if state.samples.count > capacity { state.samples.removeFirst() }
      state.latencies = latencies
      state.observed = status.figures.observed
      state.forecast = status.figures.forecast
      // A model that took the place of another has scored less.
      state.events = events
      state.hits = hits
      state.at = now
    }
  }
}
