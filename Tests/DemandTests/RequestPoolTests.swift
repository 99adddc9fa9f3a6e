import MemoryBudget
import RoutingTrace
import Testing
import WaferSamples

@testable import Demand

/// Top-2 of 9 experts in two layers; ids tell where they come from.
struct RequestPoolTests {
  private let shape: TraceShape

  init() throws { shape = try TraceShape(modelLayers: [0, 1], experts: 9, topK: 2) }

  /// A chunk of runs whose token t of request r chooses experts r and t in layer 0, and their next
  /// ones in layer 1.
  private func block(
    _ runs: [(request: UInt64, stage: Stage, first: Int, count: Int)]
  ) throws -> TokenBlock {
    var ids: [UInt16] = []
    for layer in 0..<2 {
      for run in runs {
        for token in run.first..<run.first + run.count {
          ids += choice(run.request, token, layer)
        }
      }
    }
    return try TokenBlock(
      shape: shape,
      runs: runs.map {
        TokenRun(
          request: $0.request, stage: $0.stage, firstToken: $0.first, count: $0.count,
          endsRequest: false)
      }, ids: ids)
  }

  private func choice(_ request: UInt64, _ token: Int, _ layer: Int) -> [UInt16] {
    // Even numbers for requests, odd ones for tokens, so that none is chosen twice.
    [(2 * UInt16(request) + UInt16(layer) * 2) % 8, UInt16(1 + 2 * ((token + layer) % 4))]
  }

  /// Requests that come in pieces between each other, over two chunks and both stages.
  private func collected(_ stage: Stage?) throws -> RequestPool {
    var collector = RequestPool.Collector(shape: shape, stage: stage)
    collector.add(
      try block([(2, .prefill, 0, 3), (1, .prefill, 0, 1), (2, .decode, 3, 2), (1, .decode, 1, 1)]))
    collector.add(try block([(0, .decode, 0, 1), (1, .decode, 2, 3), (2, .decode, 5, 1)]))
    return collector.pool()
  }

  /// The tokens of each request: its number and the token's.
  private static let decoded: [[(UInt64, Int)]] = [
    [(2, 3), (2, 4), (2, 5)], [(1, 1), (1, 2), (1, 3), (1, 4)], [(0, 0)],
  ]

  @Test func piecesComeTogetherInOrderOfTheirRequests() throws {
    let pool = try collected(.decode)
    #expect(pool.starts == [0, 3, 7, 8])
    for (token, (request, position)) in Self.decoded.joined().enumerated() {
      for layer in 0..<2 {
        #expect(Array(pool.choice(of: token, layer: layer)) == choice(request, position, layer))
      }
    }
    #expect(try collected(.prefill).starts == [0, 3, 4])
    #expect(try collected(nil).starts == [0, 6, 11, 12])
  }

  /// A pool of whole requests, token after token, is the same pool.
  @Test func addingRequestsIsCollectingThem() throws {
    var added = RequestPool(shape: shape)
    for tokens in Self.decoded {
      added.add(
        tokens.flatMap { request, token in
          (0..<2).flatMap { choice(request, token, $0) }
        })
    }
    added.add([UInt16]())
    let collected = try collected(.decode)
    #expect(added.starts == collected.starts)
    for layer in 0..<2 {
      let tokens = [7, 0, 3, 3]
      #expect(added.chosen(by: tokens, layer: layer) == collected.chosen(by: tokens, layer: layer))
      #expect(
        added.chosen(by: tokens, layer: layer)
          == tokens.flatMap { collected.choice(of: $0, layer: layer) })
      #expect(added.choices(of: 0..<8, layer: layer) == collected.choices(of: 0..<8, layer: layer))
    }
  }

  @Test func whatIsGatheredIsAccountedFor() throws {
    var collector = RequestPool.Collector(shape: shape, stage: .decode)
    #expect(collector.memoryDemand.bytes == 0)
    collector.add(try block([(0, .prefill, 0, 3), (1, .decode, 0, 5)]))
    // Five tokens of four ids of two bytes, as they came and as a pool.
    #expect(collector.memoryDemand.bytes == 5 * 4 * 2 * 2)
  }

  /// Chunks hold all tokens once, in order, whatever their requests' lengths.
  @Test func blocksAreThePoolInOrder() throws {
    var pool = RequestPool(shape: shape)
    for request in 0..<3 {
      pool.add(
        (0..<3000).flatMap { token in
          (0..<2).flatMap { choice(UInt64(request), token, $0) }
        })
    }
    var (next, runs) = (0, 0)
    try pool.forEachBlock { first, block in
      #expect(first == next)
      for layer in 0..<2 {
        for token in [0, block.tokens / 2, block.tokens - 1] {
          #expect(
            block.chosen(layer: layer, token: token)
              == pool.choice(of: first + token, layer: layer))
        }
      }
      next += block.tokens
      runs += block.runs.count
    }
    // 9,000 tokens in chunks of 4,096, cut at the requests' ends too.
    #expect(next == 9000 && runs == 5)
  }
}
