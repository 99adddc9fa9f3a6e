import Prequential
import RoutingTrace

/// What a model would prefetch while a trace goes by, and when.
///
/// ```swift
/// var settings = ExportSettings()
/// settings.prefetching = Prefetching(ForecastPass(learner, of: 0, learns: false))
/// ```
///
/// Nothing is prefetched from what is not known yet: the forecast of a layer stands before the first
/// access of the layer behind the last that it knows.
public struct Prefetching {
  /// Makes the forecasts.
  private var pass: ForecastPass

  /// The forecasts of `pass`, which stays as it is or learns as it says.
  public init(_ pass: ForecastPass) { self.pass = pass }

  /// Throws where the model is not of traces of this shape.
  func check(_ shape: TraceShape) throws {
    guard pass.learner.shape.isCompatible(with: shape) else {
      throw LearnerError.shape(shape, expected: pass.learner.shape)
    }
  }

  /// Forecasts a block.
  ///
  /// - Parameters:
  ///   - accesses: what came before the block.
  ///   - body: gets each forecast and the number of the access before which it is made; forecasts
  ///     stand in the order of these.
  mutating func consume(
    _ block: TokenBlock, after accesses: ExpertAccesses,
    _ body: (_ forecast: RankedForecast, _ access: Int, _ time: Int) throws -> Void
  ) throws {
    let layers = block.shape.layers
    var access = accesses.count
    // Of the token that is forecast: the number of each layer's first access.
    var firsts: [Int] = []
    var tokens = TokenPlaces(block)
    var current: (request: UInt64, position: Int)?
    func move() {
      let token = tokens.next()
      firsts = (0..<layers).map { layer in
        defer { access += block.chosen(layer: layer, token: token).count }
        return access
      }
      current = tokens.place
    }
    let horizon = pass.horizon
    try pass.consume(block) { forecast in
      while current?.request != forecast.request || current?.position != forecast.position {
        move()
      }
      let known = horizon == 0 ? 0 : max(0, forecast.layer - horizon + 1)
      try body(forecast, firsts[known], accesses.tokens + tokens.token)
    }
  }
}

/// The tokens of a block in their order, with the requests they are of.
private struct TokenPlaces {
  private let runs: [TokenRun]
  private var run = 0
  private var inRun = -1
  /// The token's ordinal in the block.
  private(set) var token = -1

  init(_ block: TokenBlock) { runs = block.runs.filter { $0.count > 0 } }

  /// Goes on to the next token.
  mutating func next() -> Int {
    token += 1
    inRun += 1
    if inRun == runs[run].count {
      run += 1
      inRun = 0
    }
    return token
  }

  /// Whose it is.
  var place: (request: UInt64, position: Int) {
    (runs[run].request, runs[run].firstToken + inRun)
  }
}
