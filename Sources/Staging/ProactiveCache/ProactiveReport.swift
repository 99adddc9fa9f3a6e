/// How a cache met the experts that layers asked for, and what became of forecasts.
///
/// Every expert that a layer's turn asks a die for is a read, once, and so counted in `hits`, `partial`
/// or `misses`.
public struct ProactiveReport: Hashable, Sendable {
  /// Experts that were whole when their layer asked, and stayed until they were computed.
  public var hits = 0
  /// Experts of which some chunks were there.
  public var partial = 0
  /// Experts of which no chunk was there.
  public var misses = 0
  /// Experts that were forecast for a layer's turn.
  public var forecasts = 0
  /// Those of them that the layer asked for.
  public var right = 0
  /// Those of `forecasts` that were whole when their layer's turn came.
  public var inTime = 0
  /// Bytes brought.
  public var bytesMoved = 0.0
  /// Bytes of them that came by a forecast and left before anybody computed with them.
  public var bytesWasted = 0.0

  /// Experts asked for.
  public var reads: Int { hits + partial + misses }

  /// Share of the reads that found everything there.
  public var hitRate: Double { reads > 0 ? Double(hits) / Double(reads) : 0 }

  /// Share of the forecast experts that were asked for.
  public var accuracy: Double { forecasts > 0 ? Double(right) / Double(forecasts) : 0 }

  /// Share of the forecast experts that came in time, be they asked for or not.
  public var timeliness: Double { forecasts > 0 ? Double(inTime) / Double(forecasts) : 0 }

  /// ProMoE's measure of a forecast at work: accuracy x share that came in time.
  public var goodPrediction: Double { accuracy * timeliness }
}
