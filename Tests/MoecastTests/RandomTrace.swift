import RoutingTrace
import TestSupport
import Testing

extension TemporaryFolder {
  /// Writes a trace of five short requests, routed at random, of a known model; returns its path.
  func randomTrace(_ model: String) throws -> String {
    let shape = try #require(ModelShape.named(model)).traceShape()
    var random = SplitMix64(seed: 3)
    let requests = (0..<5).map { _ in
      RequestTrace.random(shape: shape, prefill: 3, decode: 6, using: &random)
    }
    return try write(
      try traceBytes(of: requests, shape: shape, chunkTokens: 20, finishing: true),
      to: "\(model).moe.lz4")
  }
}
