import Counting
import RoutingTrace
import Testing

@testable import Forecast

@Suite struct DrawnBalanceTests {
  /// Two layers of three experts, top-2; the first chose them 3, 0 and 1 times.
  private func balance() throws -> DrawnBalance {
    let counts = try ([[3, 0, 1], [0, 2, 5]] as [[UInt32]]).map { layer in
      try #require(LayerCounts(frequency: layer, layerPairs: nil, tokenPairs: nil))
    }
    return DrawnBalance(
      shape: try TraceShape(modelLayers: [0, 1], experts: 3, topK: 2), counts: counts)
  }

  private func corrected(_ balance: DrawnBalance, _ forecast: [Double], layer: Int) -> [Double] {
    var forecast = forecast
    forecast.withUnsafeMutableBufferPointer { balance.correct($0, layer: layer) }
    return forecast
  }

  @Test func whatWasDrawnTooOftenIsForecastLess() throws {
    var balance = try balance()
    let forecast = [0.5, 0.25, 0.25]
    for (ours, before) in zip(corrected(balance, forecast, layer: 0), forecast) {
      #expect(abs(ours - before) < 1e-12)
    }
    for _ in 0..<200 { balance.note([2, 1], layer: 0) }
    // 64 tokens of two choices at the shares of training, then 200 of experts 1 and 2.
    let shares = [3.5, 0.5, 1.5].map { $0 / 5.5 }
    let drawn = zip(shares, [0.0, 200, 200]).map { 128 * $0 + $1 }
    let products = zip(forecast, zip(shares, drawn)).map { $0 * $1.0 / ($1.1 / 528) }
    let sum = products.reduce(0, +)
    for (ours, product) in zip(corrected(balance, forecast, layer: 0), products) {
      #expect(abs(ours - product / sum) < 1e-12)
    }
    // Of another layer nothing was drawn.
    for (ours, before) in zip(corrected(balance, forecast, layer: 1), forecast) {
      #expect(abs(ours - before) < 1e-12)
    }
  }
}
