import RoutingTrace

extension RequestPool {
  /// Tokens handed on at once by ``forEachBlock(_:)``.
  private static let blockTokens = 4096

  /// Calls `body` with all tokens in order, as chunks of a trace whose requests are numbered from 0
  /// and are decoded from their first token on.
  ///
  /// - Parameter body: Gets the number of the chunk's first token, and the chunk.
  /// - Throws: ``SimulationError`` where the pool's ids cannot be a trace's.
  func forEachBlock(_ body: (Int, TokenBlock) -> Void) throws(SimulationError) {
    var first = 0
    while first < tokens {
      let last = min(first + Self.blockTokens, tokens)
      let block: TokenBlock
      do { block = try self.block(first..<last) } catch {
        throw SimulationError("the trace cannot be forecast: \(error)")
      }
      body(first, block)
      first = last
    }
  }

  /// Some of the pool's tokens, in order, as a chunk of a trace.
  private func block(_ range: Range<Int>) throws(BlockError) -> TokenBlock {
    var runs: [TokenRun] = []
    var request = self.request(ofToken: range.lowerBound)
    while request < requests, starts[request] < range.upperBound {
      defer { request += 1 }
      let part = range.clamped(to: starts[request]..<starts[request + 1])
      runs.append(
        TokenRun(
          request: UInt64(request), stage: .decode, firstToken: part.lowerBound - starts[request],
          count: part.count, endsRequest: part.upperBound == starts[request + 1]))
    }
    var ids: [UInt16] = []
    ids.reserveCapacity(range.count * shape.idsPerToken)
    for layer in 0..<shape.layers { ids += choices(of: range, layer: layer) }
    return try TokenBlock(shape: shape, runs: runs, ids: ids)
  }

  /// The request that a token of the pool belongs to: a binary search, as there can be millions.
  func request(ofToken token: Int) -> Int {
    var (first, last) = (0, requests)
    while last - first > 1 {
      let middle = (first + last) / 2
      if starts[middle] <= token { first = middle } else { last = middle }
    }
    return first
  }
}
