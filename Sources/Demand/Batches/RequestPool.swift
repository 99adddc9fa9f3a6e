import RoutingTrace

/// The tokens of one stage of many requests, from which batches are filled.
public struct RequestPool: Sendable {
  public let shape: TraceShape
  /// `tokens * layers * topK` ids, token-major, one request after another.
  public private(set) var ids: [UInt16] = []
  /// First token of every request, and one past the last.
  public private(set) var starts: [Int] = [0]

  public init(shape: TraceShape) { self.shape = shape }

  /// Requests in the pool; those without tokens are not kept.
  public var requests: Int { starts.count - 1 }
  public var tokens: Int { starts[starts.count - 1] }

  /// Adds one request's tokens, token-major; a request of no tokens is left out.
  ///
  /// - Precondition: `ids` is a whole number of tokens with ids below E or empty slots, as in a
  ///   ``RequestTrace``.
  public mutating func add(_ request: some Collection<UInt16>) {
    precondition(request.count % shape.idsPerToken == 0, "a request of half tokens")
    guard !request.isEmpty else { return }
    ids.append(contentsOf: request)
    starts.append(starts[starts.count - 1] + request.count / shape.idsPerToken)
  }

  func length(_ request: Int) -> Int { starts[request + 1] - starts[request] }

  /// The tokens in the batch at `step`, one a slot.
  ///
  /// Slot v replays request v mod N for ever; those that replay the same request are `stride` tokens
  /// apart (within `period`), so that a batch larger than the pool is no sum of equal parts. The
  /// defaults are the reference's.
  public func batch(size: Int, step: Int, stride: Int = 45, period: Int = 128) -> [Int] {
    (0..<size).map { slot in
      let request = slot % requests
      let phase = slot / requests * stride % period
      return starts[request] + (phase + step) % length(request)
    }
  }

  /// The ids that the tokens chose at one layer, `tokens * topK`.
  public func chosen(by tokens: [Int], layer: Int) -> [UInt16] {
    let topK = shape.topK
    return [UInt16](unsafeUninitializedCapacity: tokens.count * topK) { out, count in
      ids.withUnsafeBufferPointer { ids in
        for token in tokens {
          let start = (token * shape.layers + layer) * topK
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
}
