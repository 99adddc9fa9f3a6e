import Demand
import RoutingTrace
import Testing
import WaferSamples

/// Continuous batching of real requests.
@Suite struct BatchPolicyTests {
  /// Every slot decodes its request token by token to the end and takes up the next at its first
  /// token; in between every request of the pool is begun once before any is begun again.
  @Test(arguments: [1, 3, 16])
  func slotsDecodeWholeRequests(size: Int) throws {
    let pool = try Samples.pool()
    let batches = BatchPolicy.continuous(seed: 5).batches(of: pool, size: size, steps: 160)
    #expect(batches.count == 160 && batches.allSatisfy { $0.count == size })
    var begun: [Int] = []
    for step in 1..<160 {
      for slot in 0..<size {
        let (before, token) = (batches[step - 1][slot], batches[step][slot])
        if pool.starts.contains(before + 1) {
          begun.append(try #require(pool.starts.firstIndex(of: token)))
        } else {
          #expect(token == before + 1, "step \(step), slot \(slot)")
        }
      }
    }
    // The first slots took from the first rounds of the queue.
    let inRound = (pool.requests - size % pool.requests) % pool.requests
    let rounds = stride(from: inRound, to: begun.count - pool.requests + 1, by: pool.requests)
    #expect(!Array(rounds).isEmpty)
    for first in rounds {
      #expect(Set(begun[first..<first + pool.requests]).count == pool.requests)
    }
  }

  @Test func theSeedDecides() throws {
    let pool = try Samples.pool()
    func batches(_ seed: UInt64) -> [[Int]] {
      BatchPolicy.continuous(seed: seed).batches(of: pool, size: 9, steps: 20)
    }
    #expect(batches(1) == batches(1))
    #expect(batches(1) != batches(2))
  }

  /// The rule by hand: a queue of requests of 5 to 11 tokens, chunks of 4, room for 10 a step.
  @Test func prefillTakesChunksOfPromptsUnderWayFirst() throws {
    let pool = try Samples.pool()
    let batches = BatchPolicy.prefillChunks(of: 4, seed: 2).batches(of: pool, size: 10, steps: 50)
    var running: [(request: Int, position: Int)] = []
    var begun: [Int] = []
    for tokens in batches {
      #expect(tokens.count == 10)
      // Runs of consecutive tokens of one request.
      var chunks: [(request: Int, range: Range<Int>)] = []
      for token in tokens {
        let request = try #require(pool.starts.lastIndex { $0 <= token })
        let position = token - pool.starts[request]
        if let last = chunks.last, last.request == request, last.range.upperBound == position {
          chunks[chunks.count - 1].range = last.range.lowerBound..<position + 1
        } else {
          chunks.append((request, position..<position + 1))
        }
      }
      var left = 10
      for (turn, chunk) in chunks.enumerated() {
        if turn == running.count {
          running.append((chunk.request, 0))
          begun.append(chunk.request)
        }
        #expect(chunk.request == running[turn].request)
        #expect(chunk.range.lowerBound == running[turn].position)
        let rest = pool.starts[chunk.request + 1] - pool.starts[chunk.request]
        #expect(chunk.range.count == min(4, left, rest - running[turn].position))
        running[turn].position += chunk.range.count
        left -= chunk.range.count
      }
      running.removeAll { $0.position == pool.starts[$0.request + 1] - pool.starts[$0.request] }
    }
    #expect(begun.count > 2 * pool.requests)
    for round in stride(from: 0, to: begun.count - pool.requests, by: pool.requests) {
      #expect(Set(begun[round..<round + pool.requests]).count == pool.requests)
    }
    #expect(
      batches
        == BatchPolicy.prefillChunks(of: 4, seed: 2).batches(of: pool, size: 10, steps: 50))
    #expect(
      batches
        != BatchPolicy.prefillChunks(of: 4, seed: 3).batches(of: pool, size: 10, steps: 50))
  }

  /// Large chunks bring a prompt's tokens together, and so fewer prompts a step.
  @Test func oneChunkIsAWholePrompt() throws {
    let pool = try Samples.pool()
    let tokens = BatchPolicy.prefillChunks(of: 512, seed: 1).batches(of: pool, size: 8, steps: 1)[0]
    let first = try #require(tokens.first)
    let request = try #require(pool.starts.firstIndex(of: first))
    let length = pool.starts[request + 1] - pool.starts[request]
    #expect(tokens.prefix(length) == (first..<first + min(8, length)).map { $0 }[...])
  }
}
