import Locking
import ServiceProtocol

/// What a service has done since it began: counted by all clients, read by whoever looks.
public final class ServiceMetrics: Sendable {
  /// The figures at one moment.
  public struct Figures: Sendable {
    /// Events that were observed: a request's choice at a layer.
    public var observed: UInt64 = 0
    /// Events that were forecast.
    public var forecast: UInt64 = 0
    /// By the request's name, how long it took to answer.
    public var latencies: [String: LatencyHistogram] = [:]
    /// Refusals by their kind.
    public var refusals: [Status: UInt64] = [:]
    /// Clients that were turned away, were too slow, or said nothing.
    public var shed: UInt64 = 0
    /// Clients connected now.
    public var connections = 0
    /// Checkpoints that are on the disk, and that failed.
    public var saves: UInt64 = 0
    public var failedSaves: UInt64 = 0
  }

  private let figures = Guarded(Figures())

  /// Nothing was done yet.
  public init() {}

  /// The figures now.
  public var now: Figures { figures.withLock { $0 } }

  /// Counts an answer.
  ///
  /// - Parameters:
  ///   - name: of the request.
  ///   - nanoseconds: that it took.
  func note(
    _ name: String, _ nanoseconds: UInt64, observed: Int, forecast: Int, refused: Status?
  ) {
    figures.withLock { figures in
      figures.latencies[name, default: LatencyHistogram()].note(nanoseconds)
      if let refused {
        figures.refusals[refused, default: 0] += 1
      } else {
        figures.observed += UInt64(observed)
        figures.forecast += UInt64(forecast)
      }
    }
  }

  /// Counts a client that was turned away or let go.
  public func countShed() { update { $0.shed += 1 } }

  /// Changes what is not part of an answer.
  func update(_ change: (inout Figures) -> Void) { figures.withLock { change(&$0) } }
}
