import Demand
import RoutingTrace

/// A figure and the interval in which it lies with 95 % confidence.
public struct PlacementEstimate: Hashable, Sendable {
  /// Over all requests.
  public let value: Double
  /// The 2.5th and 97.5th percentile over draws of requests, moved by what lies between the draws'
  /// mean and the value; nil without draws.
  public let low: Double?
  public let high: Double?

  /// A value with what draws made of it.
  ///
  /// Draws take requests twice and leave others out, so that their batches are less even than those
  /// of all requests: their spread tells, not where they lie.
  init(_ value: Double, draws: [Double]) {
    self.value = value
    guard !draws.isEmpty else {
      (low, high) = (nil, nil)
      return
    }
    let sorted = draws.sorted()
    let shift = value - draws.reduce(0, +) / Double(draws.count)
    let last = Double(sorted.count - 1)
    low = shift + sorted[Int((0.025 * last).rounded(.down))]
    high = shift + sorted[Int((0.975 * last).rounded(.up))]
  }
}

/// Several placements judged on the same batches, and on batches of requests drawn again and again:
/// intervals by the bootstrap over requests (Efron 1979), differences paired draw by draw.
public struct JudgedPlacements: Sendable {
  /// By placement, over all requests.
  public let figures: [PlacementFigures]
  /// By draw, then placement.
  private let draws: [[PlacementFigures]]

  /// The batches that are judged: of continuous batching, once every slot has had the longest request's
  /// time, and from there on a quarter of a mean request's length apart, so that they hold tokens as
  /// a long run does.
  ///
  /// - Precondition: the pool holds a request; `size` and `steps` are positive.
  public static func batches(
    of pool: RequestPool, size: Int, steps: Int, seed: UInt64
  ) -> [[Int]] {
    let longest = zip(pool.starts, pool.starts.dropFirst()).map { $1 - $0 }.max() ?? 1
    let apart = max(1, pool.tokens / pool.requests / 4)
    let all = BatchPolicy.continuous(seed: seed).batches(
      of: pool, size: size, steps: longest + apart * (steps - 1) + 1)
    return stride(from: longest, to: all.count, by: apart).map { all[$0] }
  }

  /// Judges placements on ``batches(of:size:steps:seed:)``.
  ///
  /// A draw takes as many requests as there are, with replacement, and fills batches anew.
  ///
  /// - Parameters:
  ///   - draws: How often requests are drawn; 0 for no intervals.
  ///   - workers: Threads; figures do not depend on it.
  /// - Throws: ``PlacementError`` where there are no tokens, or numbers are too small.
  public init(
    _ maps: [SlotMap], on pool: RequestPool, by judge: PlacementJudge, batch: Int, steps: Int,
    seed: UInt64, draws: Int, workers: Int = 1
  ) throws(PlacementError) {
    guard pool.requests > 0, batch > 0, steps > 0, draws >= 0 else {
      throw PlacementError(
        "\(pool.requests) requests in \(steps) steps of \(batch) tokens are nothing to judge on",
        remedy: "give one of each at least")
    }
    @Sendable func judged(_ pool: RequestPool, seed: UInt64) -> [PlacementFigures] {
      let batches = Self.batches(of: pool, size: batch, steps: steps, seed: seed)
      return maps.map { judge.figures(of: $0, on: pool, batches: batches) }
    }
    figures = judged(pool, seed: seed)
    do {
      self.draws = try orderedResults(of: Array(0..<draws), workers: workers) { draw in
        var random = SeededGenerator(seed: seed &+ UInt64(draw + 1) &* 0x9E37_79B9)
        let drawn = (0..<pool.requests).map { _ in
          let request = Int.random(in: 0..<pool.requests, using: &random)
          return pool.starts[request]..<pool.starts[request + 1]
        }
        return judged(pool.keeping(drawn), seed: random.next())
      }
    } catch {
      throw PlacementError("\(error)", remedy: "judge without draws")
    }
  }

  /// One placement's figure.
  public func estimate(
    _ placement: Int, _ figure: (PlacementFigures) -> Double
  ) -> PlacementEstimate {
    PlacementEstimate(
      figure(figures[placement]), draws: draws.map { figure($0[placement]) })
  }

  /// The share of a figure that a placement saves over another, draw by draw: 1 - own / other.
  public func saving(
    _ placement: Int, over other: Int, _ figure: (PlacementFigures) -> Double
  ) -> PlacementEstimate {
    func saving(_ figures: [PlacementFigures]) -> Double {
      let (own, base) = (figure(figures[placement]), figure(figures[other]))
      return base > 0 ? 1 - own / base : 0
    }
    return PlacementEstimate(saving(figures), draws: draws.map(saving))
  }
}
