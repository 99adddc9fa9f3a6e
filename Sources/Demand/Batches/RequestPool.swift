import RoutingTrace

/// The tokens of one stage of many requests, from which batches are filled.
///
/// ```swift
/// var collector = RequestPool.Collector(shape: stream.shape, stage: .decode)
/// while let chunk = try stream.next() { collector.add(chunk.block) }
/// let pool = collector.pool()
/// ```
///
/// Choices are kept as traces keep them, a column a layer: what a layer's experts are asked for
/// lies together, from the trace to the simulator, and is never turned round in between. Tokens are
/// numbered from 0 through all requests.
public struct RequestPool: Sendable {
  /// Layers, experts and experts a token, as in the trace.
  public let shape: TraceShape
  /// By layer: `tokens * topK` ids, token after token.
  private var columns: [[UInt16]]
  /// First token of every request, and one past the last.
  public private(set) var starts: [Int] = [0]
  /// The tokens in the order in which the trace has them: stretches of one request each.
  package private(set) var arrival: [Range<Int>] = []

  /// Tokens of every request that are its prompt's, the first ones; 0 where nobody told.
  public private(set) var prompts: [Int] = []

  /// A pool without requests.
  public init(shape: TraceShape) {
    self.shape = shape
    columns = Array(repeating: [], count: shape.layers)
  }

  /// A pool of known columns.
  ///
  /// - Parameters:
  ///   - columns: By layer: `tokens * topK` ids, token after token.
  ///   - starts: First token of every request, none of them empty, and one past the last.
  ///   - arrival: Stretches of tokens in the order of the trace, all tokens once; nil for one request
  ///     after the other.
  ///   - prompts: Tokens of every request that are its prompt's; nil for none.
  init(
    shape: TraceShape, columns: [[UInt16]], starts: [Int], arrival: [Range<Int>]? = nil,
    prompts: [Int]? = nil
  ) {
    self.shape = shape
    self.columns = columns
    self.starts = starts
    self.arrival = arrival ?? [0..<(starts.last ?? 0)]
    self.prompts = prompts ?? Array(repeating: 0, count: starts.count - 1)
  }

  /// Requests in the pool; those without tokens are not kept.
  public var requests: Int { starts.count - 1 }

  /// Tokens of all requests.
  public var tokens: Int { starts[starts.count - 1] }

  /// Adds one request's tokens; a request of no tokens is left out.
  ///
  /// - Parameter request: `tokens * layers * topK` ids, token after token, as in a
  ///   ``RoutingTrace/RequestTrace``.
  /// - Precondition: `request` is a whole number of tokens with ids below E or empty slots.
  public mutating func add(_ request: some Collection<UInt16>) {
    precondition(request.count % shape.idsPerToken == 0, "a request of half tokens")
    guard !request.isEmpty else { return }
    for (index, id) in request.enumerated() {
      columns[index / shape.topK % shape.layers].append(id)
    }
    starts.append(tokens + request.count / shape.idsPerToken)
    prompts.append(0)
    arrival.append(starts[requests - 1]..<tokens)
  }

  /// Tokens of one request.
  package func length(_ request: Int) -> Int { starts[request + 1] - starts[request] }

  /// The K ids that one token chose at one layer, empty slots last.
  public func choice(of token: Int, layer: Int) -> ArraySlice<UInt16> {
    columns[layer][token * shape.topK..<(token + 1) * shape.topK]
  }

  /// The ids that consecutive tokens chose at one layer, `tokens * topK`.
  func choices(of tokens: Range<Int>, layer: Int) -> ArraySlice<UInt16> {
    columns[layer][tokens.lowerBound * shape.topK..<tokens.upperBound * shape.topK]
  }

  /// The ids that the tokens of a batch chose at one layer, `tokens * topK`.
  ///
  /// - Complexity: O(tokens * topK).
  public func chosen(by tokens: [Int], layer: Int) -> [UInt16] {
    let topK = shape.topK
    return [UInt16](unsafeUninitializedCapacity: tokens.count * topK) { out, count in
      columns[layer].withUnsafeBufferPointer { ids in
        for token in tokens {
          let start = token * topK
          var slot = 0
          while slot < topK {
            out.initializeElement(at: count, to: ids[start + slot])
            count += 1
            slot += 1
          }
        }
      }
    }
  }

  /// The tokens in the batch at `step`, one a slot.
  ///
  /// Slot v replays request v mod N for ever; those that replay the same request are `stride`
  /// tokens apart (within `period`), so that a batch larger than the pool is no sum of equal parts.
  /// The defaults are the reference's.
  public func batch(size: Int, step: Int, stride: Int = 45, period: Int = 128) -> [Int] {
    (0..<size).map { slot in
      let request = slot % requests
      let phase = slot / requests * stride % period
      return starts[request] + (phase + step) % length(request)
    }
  }
}
