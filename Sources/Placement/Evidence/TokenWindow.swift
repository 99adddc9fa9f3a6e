import Demand
import RoutingTrace

/// Which tokens of traces experts are placed from.
public struct TokenWindow: Hashable, Sendable {
  /// Stages of a request.
  public enum Stages: String, CaseIterable, Sendable {
    /// Prompts alone.
    case prefill
    /// Decoded tokens alone.
    case decode
    /// Both.
    case all
  }

  /// The stages taken.
  public var stages: Stages
  /// Positions of a request's tokens within its stages, from 0; nil for all.
  public var positions: Range<Int>?
  /// Tasks whose requests are taken; empty for all.
  public var tasks: Set<String>

  /// A window.
  public init(_ stages: Stages = .all, positions: Range<Int>? = nil, tasks: Set<String> = []) {
    (self.stages, self.positions, self.tasks) = (stages, positions, tasks)
  }

  /// The tokens of one request's stages.
  func stretch(of request: Int, in pool: RequestPool) -> Range<Int> {
    let (first, end) = (pool.starts[request], pool.starts[request + 1])
    let decode = first + pool.prompts[request]
    switch stages {
    case .prefill: return first..<decode
    case .decode: return decode..<end
    case .all: return first..<end
    }
  }

  /// The tokens of a request that are in the window.
  func tokens(of request: Int, in pool: RequestPool) -> Range<Int> {
    let stretch = stretch(of: request, in: pool)
    guard let positions else { return stretch }
    let first = min(stretch.lowerBound + positions.lowerBound, stretch.upperBound)
    return first..<min(stretch.lowerBound + positions.upperBound, stretch.upperBound)
  }

  /// The tokens of a request that come behind the window: decoded ones behind those of prompts, else
  /// the rest of the window's stages.
  func later(of request: Int, in pool: RequestPool) -> Range<Int> {
    if stages == .prefill {
      return TokenWindow(.decode).stretch(of: request, in: pool)
    }
    let stretch = stretch(of: request, in: pool)
    return tokens(of: request, in: pool).upperBound..<stretch.upperBound
  }

  /// The requests of the window's tasks.
  ///
  /// - Throws: ``PlacementError`` where no request is of one of them.
  func requests(of tokens: PlacementTokens) throws(PlacementError) -> [Int] {
    guard !tasks.isEmpty else { return Array(0..<tokens.pool.requests) }
    if let unknown = tasks.sorted().first(where: { !tokens.tasks.contains($0) }) {
      let known = Set(tokens.tasks).subtracting([""]).sorted()
      throw PlacementError(
        "no request is of the task '\(unknown)'",
        remedy: known.isEmpty
          ? "leave tasks out: the traces name none" : "give one of \(known.joined(separator: ", "))"
      )
    }
    return (0..<tokens.pool.requests).filter { tasks.contains(tokens.tasks[$0]) }
  }

  /// What it is, in words: `prefill`, `decode 0 to 63`.
  public var words: String {
    stages.rawValue + (positions.map { " \($0.lowerBound) to \($0.upperBound - 1)" } ?? "")
      + (tasks.isEmpty ? "" : " of \(tasks.sorted().joined(separator: ", "))")
  }
}
